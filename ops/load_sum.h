// ops/load_sum.h: how many items each expert can expect, smooth in the logits.
//   s_e = sum_n Phi((z_ne - t_n) / sigma)     t_n the k-th largest of all E noisy logits of item n
//   gradients  dz, added to: through the clean logit, and through the threshold to the logit that is k-th largest; the
//              noise gets none
//   saved      the thresholds, and the expert to which each of them belongs
//   throws     if k is not 1 to E, or sigma is not above 0: without noise the load has no gradient
//   source     Shazeer et al. 2017, arXiv 1701.06538, appendix A, as in V-MoE, arXiv 2106.05974, appendix A.2 (sigma
//              1/E); the loss made of it: ops/cv_squared.h
//   note       z and t are both logits; gates after the softmax must not be compared with this threshold
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
Var load_sum(Context& c, Var logits, Tensor noise, int k, float sigma);  // noise [n, E]; empty: no noise

}  // namespace mvmoe
