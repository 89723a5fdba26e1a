// ops/layer_norm.h: centre and scale each token over its width, then stretch and shift it.
//   y = gamma * n + beta     n = (x - mean) * rstd     rstd = 1 / sqrt(var + eps)
//   gradients  dx, dgamma, dbeta, each added to; any of them may be empty (not wanted)
//   throws     if gamma or beta is not [D]
//   source     Ba et al. 2016, arXiv 1607.06450, section 3; var is the population's
#pragma once
#include "engine/context.h"

namespace mvmoe {

struct LayerNorm {
  Tensor x;            // [.., D], seen as R rows (b*T of them in a ViT)
  Tensor gamma, beta;  // [D]
  Tensor mean, rstd;   // [R], saved; n is computed again: cheaper than keeping another [R, D]
  float eps;
  void forward(Tensor y) const;                // y [.., D]
  LayerNorm part(int first, int count) const;  // of rows first .. first + count
  void backward(Tensor dy, Tensor dx, Tensor dgamma, Tensor dbeta) const;
};

Var layer_norm(Context& c, Var x, Var gamma, Var beta, float eps = 1e-6f);

}  // namespace mvmoe
