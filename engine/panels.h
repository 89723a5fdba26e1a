// engine/panels.h: a model's weights once more, laid out for the tiles of inference, where they do not change.
//
// A weight [N, K] is panels of `vector_floats` rows each, a panel [K, vector_floats]: what a tile reads, it reads in
// order. oneDNN's sgemm lays out both its operands at every call.
#pragma once
#include <vector>

#include "engine/parameter.h"
#include "engine/threads.h"
#include "engine/tile.h"

namespace mvmoe {

class Panels {
 public:
  // Of every weight of linear, convolution and experts (those that decay) with a multiple of `vector_floats` rows, as
  // they are now; of none that is in a mapped file, to be read when it is used. As much memory as the weights take.
  Panels(const Parameters& parameters, Threads& threads);

  // The panels of `weight`, a piece [N, K] of the parameters: a whole weight, an expert, or some rows. Null where a
  // panel would be cut.
  const float* of(Tensor weight) const;

 private:
  struct Piece {
    const float* begin;  // of the weight
    std::size_t size;
    std::size_t panel;   // floats of one
    int depth;           // K
    std::size_t offset;  // of the weight in a block
  };
  Block panels_;               // a panel begins where its first row does in a block of the parameters' layout
  std::vector<Piece> pieces_;  // in order of memory
};

}  // namespace mvmoe
