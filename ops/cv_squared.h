// ops/cv_squared.h: how unevenly a sum is spread over the experts: the squared coefficient of variation.
//   loss = var(s) / mean(s)^2     var the population's; 0 at perfect balance, and there the gradient is 0
//   gradients  ds_e += 2 (s_e - m) / (E m^2) - 2 var / (E m^3), m the mean
//   note       squared on purpose: at perfect balance the gradient of the square root of a variance is NaN
//   source     Shazeer et al. 2017, arXiv 1701.06538, equations 7 and 11
#pragma once
#include "engine/context.h"

namespace mvmoe {

// s [E] to [1]. s may hold sums over items or means: a common factor does not change the result.
Var cv_squared(Context& c, Var s);

// The function and its gradient without a tape, for an s that was summed over several lanes.
double cv_squared(Tensor s);
void cv_squared_backward(Tensor s, double dloss, Tensor ds);

}  // namespace mvmoe
