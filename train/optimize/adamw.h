// train/optimize/adamw.h: Adam with decoupled weight decay (Loshchilov and Hutter 2017, arXiv 1711.05101, algorithm 2).
//   g = scale * gradient                       (clipping's factor, applied on the way)
//   m = b1 m + (1 - b1) g      v = b2 v + (1 - b2) g^2
//   w = w - rate * decay * w   (decayed parameters only)
//   w = w - rate * (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)
// One pass over memory. As in PyTorch, decay is scaled by the rate and applied before the step.
#pragma once
#include "engine/parameter.h"
#include "engine/threads.h"

namespace mvmoe {

struct AdamW {
  float rate;  // this step's learning rate
  float decay = 0.05f;
  float beta1 = 0.9f, beta2 = 0.999f, eps = 1e-8f;
  std::uint64_t t = 1;                 // number of this step, from 1
  float scale = 1;                     // factor of every gradient
  const float* rate_scales = nullptr;  // [parameters] factor of each one's rate; null: 1

  // weights, moments m and v, and the gradient are blocks of the parameters' layout; the first three are updated.
  void step(const Parameters& parameters, const Block& gradient, const Block& m, const Block& v,
            Threads& threads) const;
};

// The factor that clips a gradient of this norm to at most `limit`: min(1, limit / (norm + 1e-6)), as PyTorch's
// clip_grad_norm_. 1 if limit is 0 (off).
float clip_factor(double norm, float limit);

}  // namespace mvmoe
