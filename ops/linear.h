// ops/linear.h: the fully connected layer.
//   y = x W^T + b     for each row of x
//   gradients  dx, dweight, dbias, each added to; any of them may be empty (not wanted)
//   throws     if weight is not [N, K] or bias not [N]
//   saved      x and weight, which stay in memory anyway
#pragma once
#include "engine/context.h"

namespace mvmoe {

struct Linear {
  Tensor x;       // [.., K], seen as R rows
  Tensor weight;  // [N, K], timm's layout
  Tensor bias;    // [N], or empty: none
  Kernels kernels = Kernels::fast;
  void forward(Tensor y) const;  // y [.., N]
  void backward(Tensor dy, Tensor dx, Tensor dweight, Tensor dbias) const;
};

Var linear(Context& c, Var x, Var weight, Var bias);  // an empty bias: none

}  // namespace mvmoe
