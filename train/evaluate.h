// train/evaluate.h: how good a network is on a set of images. Nothing is recorded, nothing random is drawn, and an
// image's result does not depend on what else is in the batch.
#pragma once
#include <array>
#include <functional>

#include "models/vit.h"
#include "train/data/dataset.h"
#include "train/lanes.h"

namespace mvmoe {

struct Evaluation {
  int images = 0;
  double top1 = 0, top5 = 0;  // percent
  double loss = 0;            // cross-entropy with the true label, mean
  double seconds = 0;
  bool complete = true;       // false: told to stop on the way, and the figures mean nothing
};

struct Normalisation {
  std::array<float, 3> mean{}, std{};
};

// A label counts as found in the top k if fewer than k classes have a larger logit (or the same and a lower number).
// A logit that is not a number is never the largest. `lanes` is used without gradients.
// `keep_on`, where given, is asked before each lane (by one thread at a time) with the number of images done; false stops.
Evaluation evaluate(const ViT& model, const ImageSet& set, const Normalisation& normalisation, Lanes& lanes,
                    const std::function<bool(int images)>& keep_on = {});

}  // namespace mvmoe
