// ops/z_loss.h: keeps the router's logits small, where softmax is exact.
//   loss = mean_n logsumexp(z_n)^2
//   gradients  dz_ne += 2 / n logsumexp(z_n) softmax(z_n)_e
//   source     ST-MoE, arXiv 2202.08906, equation 5
#pragma once
#include "engine/context.h"

namespace mvmoe {

Var z_loss(Context& c, Var logits);  // [n, E] to [1]

}  // namespace mvmoe
