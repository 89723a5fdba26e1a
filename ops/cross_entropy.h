// ops/cross_entropy.h: how far the predicted distribution is from the wanted one, summed over images.
//   loss = sum_i sum_c -target_ic log softmax(logits_i)_c
//   gradients  dlogits, added to; targets get none: they are given, not computed
//   saved      softmax(logits) [b, C]
//   throws     if targets is not shaped as logits
//   note       a sum, not a mean: lanes of a batch add up, and the seed of backward makes the mean
//   source     soft targets carry label smoothing (Szegedy et al. 2015, arXiv 1512.00567) and mixing
#pragma once
#include "engine/context.h"

namespace mvmoe {

struct CrossEntropy {
  Tensor logits;          // [b, C]
  Tensor targets;         // [b, C]; each row a distribution, though any weights are served
  Tensor probs;           // [b, C], saved
  float forward() const;  // the sum over images, in double inside
  void backward(float dloss, Tensor dlogits) const;
};

Var cross_entropy(Context& c, Var logits, Tensor targets);  // [1]

}  // namespace mvmoe
