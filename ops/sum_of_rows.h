// ops/sum_of_rows.h: each expert's sum of gates over all items, the importance of Shazeer et al. 2017.
//   s_e = sum_n p_ne
//   gradients  dp, added to
//   source     arXiv 1701.06538, equation 6; the loss made of it: ops/cv_squared.h
#pragma once
#include "engine/context.h"

namespace mvmoe {

Var sum_of_rows(Context& c, Var p);  // p [n, E] to [E]

}  // namespace mvmoe
