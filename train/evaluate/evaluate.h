// train/evaluate/evaluate.h: accuracy and loss of a network on a set of images. Nothing is recorded, and nothing random
// is drawn. The result of an image does not depend on the other images of its lane. The exceptions are token routing
// with capacity and expert choice, where the tokens of a lane compete for the experts.
#pragma once
#include <functional>
#include <optional>
#include <vector>

#include "engine/lanes.h"
#include "models/vit.h"
#include "train/experts/placement.h"
#include "train/input/preprocess.h"

namespace mvmoe {

// The network's result for one image.
struct ImageResult {
  int predicted = 0;  // the class of the largest logit
  int rank = 0;       // number of classes that come before the true one
  double loss = 0;    // cross-entropy with the true label
  int expert = -1;    // the router's first choice; -1: images are not routed as a whole
  float gate = 0;     // the router's probability of that expert
};

struct Evaluation {
  int images = 0;
  double top1 = 0, top5 = 0;  // percent
  double loss = 0;            // mean
  double seconds = 0;
  std::optional<double> router_accuracy;  // percent of images whose first expert is their super-class's
  std::vector<double> expert_load;        // [E] percent of all assignments, over all routers; empty: dense
  std::vector<ImageResult> results;       // [images]
  bool complete = true;                   // false: keep_on stopped it, and the figures are not valid
};

// The network's input [count, 3, S, S] from images first .. first + count - 1 of the set, in the context's arena.
// side: S. Throws as image_or_stand_in does.
Tensor network_inputs(Context& c, const ImageSet& set, int first, int count, int side,
                      const Preprocessing& preprocessing);

struct EvaluationOptions {
  std::vector<int> superclass_of = {};  // [classes], for router_accuracy; empty: it is not computed
  std::vector<int> experts = {};        // [images] the expert of each, in place of the router's choice (per-image
                                        // routing only); empty: the router decides
  // Called before each lane, by one thread at a time, with the number of images that this rank has done. False stops.
  std::function<bool(int images)> keep_on = {};
  // Where the experts are, if the model has only the experts of this rank; null: it has all experts.
  const Placement* placement = nullptr;
};

// Each rank of `lanes` evaluates its share of the images, and all ranks get the whole result. A label is in the top k
// if fewer than k classes come before it: those with a larger logit, or the same logit and a lower number. A NaN is
// never the largest logit. `lanes` is used without gradients. Collective: every rank must call it.
Evaluation evaluate(const ViT& model, const ImageSet& set, const Preprocessing& preprocessing, Lanes& lanes,
                    const EvaluationOptions& options = {});

}  // namespace mvmoe
