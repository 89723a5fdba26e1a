// train/evaluate/predict.h: the network's prediction for each of some image files, or an error for a file that cannot
// be read.
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
  float gate;  // mean over the routed items: the image itself, or its tokens in each sparse block
};

struct Prediction {
  std::string file;
  std::string error = {};                // why there is no prediction, with the file's name; empty: no error
  std::vector<float> logits = {};        // [classes]
  std::vector<UsedExpert> experts = {};  // the experts that ran, the largest gate first; empty in a dense network
  Explanation explanation = {};          // without a picture if it was not asked for
};

// A prediction for each file, in their order. An image that is missing or damaged, or whose logits are not finite, gets
// an error; the others are predicted all the same. `panels`: of the model's weights; null: the weights themselves are
// read. `explain`: each prediction gets the picture of an attention rollout.
std::vector<Prediction> predict(const ViT& model, const std::vector<std::string>& files,
                                const Preprocessing& preprocessing, Lanes& lanes, const Panels* panels = nullptr,
                                bool explain = false);

// The prediction for one image in memory, on the calling thread. `panels` as above. Throws Error if a logit is not
// finite.
Prediction predict(const ViT& model, const Image& image, const Preprocessing& preprocessing, Context& c,
                   const Panels* panels = nullptr);

struct ClassProbability {
  int label;
  float probability;
};

// The `count` largest entries of softmax(logits), the largest first; of equal ones the lower label first.
std::vector<ClassProbability> most_probable(const std::vector<float>& logits, int count);

}  // namespace mvmoe
