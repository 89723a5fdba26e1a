// ops/drop_path.h: stochastic depth. In training a branch is left out for a whole image with probability `rate`.
// Branches that stay are scaled by 1 / (1 - rate), so the expected value is the branch itself.
//   gives      the factors [b] for `residual`: 0 or 1 / (1 - rate); an empty tensor at evaluation or rate 0
//   throws     if rate is not in [0, 1)
//   source     Huang et al. 2016, arXiv 1603.09382, equation 2; scaled as in timm
#pragma once
#include "engine/context.h"

namespace mvmoe {

// `branch` is the branch's number in the network; each branch has random numbers of its own. They depend on seed, step,
// branch and the image's place in the batch, not on lanes or threads.
Tensor drop_path_factors(Context& c, int images, float rate, int branch);

}  // namespace mvmoe
