// ops/cross_entropy.h: how far the predicted distribution is from the wanted one, summed over images.
//   loss = sum_i sum_c -target_ic log softmax(logits_i)_c
//   gradients  dlogits, added to; targets get none, because they are inputs
//   saved      softmax(logits) [b, C]
//   throws     if targets is not shaped as logits
//   note       a sum, not a mean: the sums of the lanes add up, and the seed of Tape::backward makes it a mean
//   source     soft targets carry label smoothing (Szegedy et al. 2015, arXiv 1512.00567) and mixing
#pragma once
#include "engine/context.h"

namespace mvmoe {

struct CrossEntropy {
  Tensor logits;          // [b, C]
  Tensor targets;         // [b, C]; usually each row sums to 1, but any weights are allowed
  Tensor probs;           // [b, C], saved
  float forward() const;  // the sum over images, in double inside
  void backward(float dloss, Tensor dlogits) const;
};

Var cross_entropy(Context& c, Var logits, Tensor targets);  // [1]

}  // namespace mvmoe
