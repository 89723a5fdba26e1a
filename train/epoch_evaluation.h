// train/epoch_evaluation.h: the evaluation at the end of an epoch: the test set, the held-out part, the averaged
// weights.
#pragma once
#include "train/evaluate/evaluate.h"
#include "train/files/description.h"
#include "train/step/step.h"

namespace mvmoe {

struct EpochEvaluation {
  Evaluation test;
  std::optional<Evaluation> holdout = {};   // if there is a held-out part
  std::optional<Evaluation> averaged = {};  // if the weights are averaged: the average on the test set
};

// How many images evaluate_epoch evaluates.
int images_to_evaluate(const Trainer& trainer, const ImageSet& test, const ImageSet* holdout);

// holdout: null if there is none. keep_on is called before each lane, with about the number of images that all ranks
// have done so far; false stops, and nothing is returned. If the test loss is not finite, the other members stay empty.
// Collective: every rank must call it.
std::optional<EpochEvaluation> evaluate_epoch(Trainer& trainer, const ImageSet& test, const ImageSet* holdout,
                                              const ModelDescription& description,
                                              const std::function<bool(int images)>& keep_on);

}  // namespace mvmoe
