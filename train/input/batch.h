// train/input/batch.h: what a training step is given.
#pragma once
#include <vector>

#include "engine/tensor.h"

namespace mvmoe {

// A batch, or one rank's share of it: B is then the share's images.
struct Batch {
  Tensor images;            // [B, 3, S, S], normalised
  Tensor targets;           // [B, classes], smoothed
  std::vector<int> labels;  // [B]
  std::vector<int> partner =
      {};            // [B] places of the images that these are mixed with (augment/mixing.h); empty: nothing is mixed
  float lambda = 1;  // an image's own share in itself, its target and its super-class; the partner has the rest
  int first = 0;     // place of the share in the whole batch
  int of = 0;        // images of the whole batch; 0: this is the whole
  int size() const { return static_cast<int>(labels.size()); }
  int whole() const { return of > 0 ? of : size(); }
};

}  // namespace mvmoe
