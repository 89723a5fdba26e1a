// train/evaluate/evaluate.h: how good a network is on a set of images. Nothing is recorded, nothing random is drawn,
// and an image's result does not depend on what else is in the batch (but for token routing with capacity, or where
// experts choose: there a lane is a group whose tokens compete).
#pragma once
#include <functional>
#include <optional>
#include <vector>

#include "engine/lanes.h"
#include "models/vit.h"
#include "train/experts/placement.h"
#include "train/input/preprocess.h"

namespace mvmoe {

// What the network says of one image.
struct ImageResult {
  int predicted = 0;  // the class of the largest logit
  int rank = 0;       // classes before the true one
  double loss = 0;    // cross-entropy with the true label
  int expert = -1;    // the first choice of its router; -1: there is none for the image as a whole
  float gate = 0;     // the probability that the router gives it
};

struct Evaluation {
  int images = 0;
  double top1 = 0, top5 = 0;  // percent
  double loss = 0;            // mean
  double seconds = 0;
  std::optional<double> router_accuracy;  // percent of images whose first expert is their super-class's
  std::vector<double> expert_load;        // [E] percent of all assignments, over all routers; empty: dense
  std::vector<ImageResult> results;       // [images]
  bool complete = true;                   // false: told to stop on the way, and the figures mean nothing
};

// Images first .. first + count of the set as a network of this side reads them, in the context's arena: [count, 3, S,
// S]. Throws as image_or_stand_in does.
Tensor network_inputs(Context& c, const ImageSet& set, int first, int count, int side,
                      const Preprocessing& preprocessing);

struct EvaluationOptions {
  std::vector<int> superclass_of = {};  // [classes], for router_accuracy; empty: it is not defined
  std::vector<int> experts = {};        // [images], where each goes instead of where its router says (per-image routing
                                        // only); empty: the router decides
  // Asked before each lane, one lane at a time, with the number of images done so far by this rank; false stops.
  std::function<bool(int images)> keep_on = {};
  const Placement* placement =
      nullptr;  // of the experts, where the model has those of this rank alone; null: it has all
};

// Each of the ranks that `lanes` belongs to takes its share of the images, and all have the whole result. All ranks.
// A label counts as found in the top k if fewer than k classes have a larger logit (or the same and a lower number).
// A logit that is not a number is never the largest. `lanes` is used without gradients.
Evaluation evaluate(const ViT& model, const ImageSet& set, const Preprocessing& preprocessing, Lanes& lanes,
                    const EvaluationOptions& options = {});

}  // namespace mvmoe
