// train/optimize/sgd.h: stochastic gradient descent with momentum (Polyak 1964), in PyTorch's form.
//   g = scale * gradient + decay * w     (the decay only of decayed parameters: L2, not decoupled as AdamW's)
//   m = momentum * m + g
//   w = w - rate * m
// One pass over memory. As in PyTorch, m does not contain the rate, so a new rate applies to the whole of m. No
// dampening, no Nesterov (timm's `sgd` is Nesterov's, its `momentum` is this one).
#pragma once
#include "engine/parameter.h"
#include "engine/threads.h"

namespace mvmoe {

struct Sgd {
  float rate;  // this step's learning rate
  float decay = 0;
  float momentum = 0.9f;
  float scale = 1;                     // factor of every gradient
  const float* rate_scales = nullptr;  // [parameters] factor of each one's rate; null: 1

  // weights, momentum m and the gradient are blocks of the parameters' layout; the first two are updated.
  void step(const Parameters& parameters, const Block& gradient, const Block& m, Threads& threads) const;
};

}  // namespace mvmoe
