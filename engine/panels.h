// engine/panels.h: a second copy of a model's weights for inference, in the order in which tiles read them.
//
// A weight [N, K] is cut into panels of `vector_floats` rows. A panel is stored as [K, vector_floats], so a tile reads
// it from start to end. Weights do not change in inference, so this is done once. oneDNN's sgemm would copy
// both operands at every call.
#pragma once
#include <vector>

#include "engine/parameter.h"
#include "engine/threads.h"
#include "engine/tile.h"

namespace mvmoe {

class Panels {
 public:
  // Copies every weight of linear, convolution and experts (the parameters with decay) that has a multiple of
  // `vector_floats` rows. Leaves out weights in a mapped file, which are read when they are used. Takes as much memory
  // as the weights.
  Panels(const Parameters& parameters, Threads& threads);

  // The panels of `weight` [N, K]: a whole weight, one expert, or some rows of it. Null if there are no panels of it,
  // or if it begins or ends inside a panel.
  const float* of(Tensor weight) const;

 private:
  struct Piece {
    const float* begin;  // the weight's first float
    std::size_t size;
    std::size_t panel;   // floats of one panel
    int depth;           // K
    std::size_t offset;  // of the weight in a block of the parameters' layout
  };
  Block panels_;               // a panel has the offset that its first row has in a block of the parameters' layout
  std::vector<Piece> pieces_;  // sorted by `begin`
};

}  // namespace mvmoe
