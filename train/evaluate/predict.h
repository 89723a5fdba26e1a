// train/evaluate/predict.h: what a network says of image files, one by one; what cannot be read is said too.
#pragma once
#include <string>
#include <vector>

#include "engine/lanes.h"
#include "models/vit.h"
#include "train/evaluate/explain.h"
#include "train/input/preprocess.h"

namespace mvmoe {

struct UsedExpert {
  int index;
  float gate;  // its weight for the image: the mean over what was routed, one image or its tokens in each sparse block
};

struct Prediction {
  std::string file;
  std::string error = {};                // why there is no prediction, with the file's name; empty: there is one
  std::vector<float> logits = {};        // [classes]
  std::vector<UsedExpert> experts = {};  // those that ran, the heaviest first; none in a dense network
  Explanation explanation = {};          // what was looked at; without a picture where nobody asked
};

// In the order of the files. An image that is missing or damaged, or of which the network gives no finite numbers, has
// an error and costs the others nothing. `panels` are the model's, or null: then products are not done by tiles.
// `explain`: with the picture of an attention rollout for each.
std::vector<Prediction> predict(const ViT& model, const std::vector<std::string>& files,
                                const Preprocessing& preprocessing, Lanes& lanes, const Panels* panels = nullptr,
                                bool explain = false);

// One image that is in memory, on the calling thread with a context of its own; `panels` as above. Throws Error if the
// network gives no finite numbers for it.
Prediction predict(const ViT& model, const Image& image, const Preprocessing& preprocessing, Context& c,
                   const Panels* panels = nullptr);

struct ClassProbability {
  int label;
  float probability;
};

// The `count` largest of softmax(logits), the largest first; of equal ones the lower label.
std::vector<ClassProbability> most_probable(const std::vector<float>& logits, int count);

}  // namespace mvmoe
