// ops/residual.h: adds a branch to the stream of tokens.
//   y = x + s_i branch     s_i one factor for each image (drop path), or 1
//   gradients  dx, dbranch, each added to; the factors get none, because they are drawn at random
//   throws     if branch is not shaped as x, or the factors are not [b]
//   source     He et al. 2015, arXiv 1512.03385; the factors: Huang et al. 2016, arXiv 1603.09382
#pragma once
#include "engine/context.h"

namespace mvmoe {

struct Residual {
  Tensor x, branch;  // [b, T, D]
  Tensor factors;    // [b], or empty: all 1
  void forward(Tensor y) const;
  void backward(Tensor dy, Tensor dx, Tensor dbranch) const;
};

Var residual(Context& c, Var x, Var branch, Tensor factors = {});

}  // namespace mvmoe
