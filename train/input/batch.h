// train/input/batch.h: the images and targets of a training step.
#pragma once
#include <vector>

#include "engine/tensor.h"

namespace mvmoe {

// A batch of B images, or one rank's share of a batch. Then B is the number of images of the share.
struct Batch {
  Tensor images;            // [B, 3, S, S], normalised
  Tensor targets;           // [B, classes], smoothed
  std::vector<int> labels;  // [B]
  // [B] place of the image that each is mixed with (augment/mixing.h); empty: nothing is mixed.
  std::vector<int> partner = {};
  float lambda = 1;  // an image's own share in the mixture, in its target and in its super-class
  int first = 0;     // place of the share in the whole batch
  int of = 0;        // images of the whole batch; 0: this is the whole batch
  int size() const { return static_cast<int>(labels.size()); }
  int whole() const { return of > 0 ? of : size(); }
};

}  // namespace mvmoe
