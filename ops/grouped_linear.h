// ops/grouped_linear.h: one linear layer for each expert, over the rows of this expert alone.
//   y_r = x_r W_e^T + b_e     for the rows r of expert e: begin[e]*rows .. begin[e + 1]*rows
//   gradients  dx, dweight, dbias, each added to. An expert without rows is not touched: its gradient stays exactly 0
//   throws     if weight is not [E, N, K] or bias not [E, N]
#pragma once
#include "engine/context.h"
#include "ops/route.h"

namespace mvmoe {

struct GroupedLinear {
  Tensor x;       // [A*rows, K], sorted by expert
  Tensor weight;  // [E, N, K]
  Tensor bias;    // [E, N]
  Assignments assignments;
  int rows;  // an item
  Kernels kernels = Kernels::fast;
  void forward(Tensor y) const;  // [A*rows, N]
  void backward(Tensor dy, Tensor dx, Tensor dweight, Tensor dbias) const;
};

Var grouped_linear(Context& c, Var x, Var weight, Var bias, const Assignments& assignments);

// gelu(grouped_linear(x)): one operation in inference, two where gradients are wanted.
Var grouped_linear_gelu(Context& c, Var x, Var weight, Var bias, const Assignments& assignments);

}  // namespace mvmoe
