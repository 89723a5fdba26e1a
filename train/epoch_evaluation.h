// train/epoch_evaluation.h: what is looked at when an epoch ends: the test set, the held-out part, the averaged
// weights.
#pragma once
#include "train/evaluate/evaluate.h"
#include "train/files/description.h"
#include "train/step/step.h"

namespace mvmoe {

struct EpochEvaluation {
  Evaluation test;
  std::optional<Evaluation> holdout = {},
                            averaged =
                                {};  // where there is a held-out part, an average of the weights (on the test set)
};

// Of the sets below.
int images_to_evaluate(const Trainer& trainer, const ImageSet& test, const ImageSet* holdout);

// holdout: null where there is none. keep_on is asked before each lane, with the number of images that all ranks have
// done so far; false stops, and nothing is returned. A test loss that is not finite ends it early: the rest is empty.
std::optional<EpochEvaluation> evaluate_epoch(Trainer& trainer, const ImageSet& test, const ImageSet* holdout,
                                              const ModelDescription& description,
                                              const std::function<bool(int images)>& keep_on);

}  // namespace mvmoe
