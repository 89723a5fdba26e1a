// train/evaluate.h: how good a network is on a set of images. Nothing is recorded, nothing random is drawn, and an
// image's result does not depend on what else is in the batch.
#pragma once
#include <array>

#include "models/vit.h"
#include "train/data/dataset.h"
#include "train/lanes.h"

namespace mvmoe {

struct Evaluation {
  int images = 0;
  double top1 = 0, top5 = 0;  // percent
  double loss = 0;            // cross-entropy with the true label, mean
  double seconds = 0;
};

struct Normalisation {
  std::array<float, 3> mean{}, std{};
};

// A label counts as found in the top k if fewer than k classes have a larger logit (or the same and a lower number).
// A logit that is not a number is never the largest. `lanes` is used without gradients.
Evaluation evaluate(const ViT& model, const ImageSet& set, const Normalisation& normalisation, Lanes& lanes);

}  // namespace mvmoe
