// ops/softmax.h: turns each row into probabilities.
//   p_c = e^(z_c) / sum_j e^(z_j)
//   gradients  dz, added to
//   saved      p, the output; z is not needed again
#pragma once
#include "engine/context.h"

namespace mvmoe {

struct Softmax {
  Tensor z;  // [.., C], seen as R rows
  Tensor p;  // [.., C]
  void forward() const;
  void backward(Tensor dp, Tensor dz) const;
};

// In place, for one row. The largest entry is subtracted first, so exp cannot overflow. The quotients stay the same.
void softmax_row(float* row, int n);

Var softmax(Context& c, Var z);

}  // namespace mvmoe
