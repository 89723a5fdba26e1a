// ops/load_sum.h: how many items each expert can expect, smooth in the logits.
//   s_e = sum_n Phi((z_ne - t_n) / sigma)     t_n the k-th largest noisy logit of item n, its own included
//   gradients  dz, added to: through the clean logit, and through the threshold to the logit that stands k-th; the
//              noise gets none
//   saved      the thresholds and whose they are
//   throws     if k is not 1 to E, or sigma is not above 0: without noise the load has no gradient
//   source     Shazeer et al. 2017, arXiv 1701.06538, appendix A, as in V-MoE, arXiv 2106.05974, appendix A.2 (sigma
//              1/E); the loss made of it: ops/cv_squared.h
//   note       logits meet a threshold among logits: comparing softmaxed gates with it would be another function
#pragma once
#include "engine/context.h"

namespace mvmoe {

struct LoadSum {
  Tensor logits;     // [n, E], clean
  Tensor noisy;      // [n, E] = logits + noise
  Tensor threshold;  // [n], saved
  int* kth;          // [n], saved: the expert whose noisy logit is the threshold
  int k;
  float sigma;
  void forward(Tensor s) const;
  void backward(Tensor ds, Tensor dlogits) const;
};
Var load_sum(Context& c, Var logits, Tensor noise, int k, float sigma);  // noise [n, E]; an empty one: 0

}  // namespace mvmoe
