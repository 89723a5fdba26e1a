// ops/switch_loss.h: Switch's (and GShard's) balance loss: 1 at perfect balance, E when one expert gets all.
//   loss = E sum_e f_e P_e     f_e the share of items whose largest gate is e's, P_e the mean of p_ne
//   gradients  dp_ne += E f_e / n; f gets none, because a count has no derivative
//   source     Switch, arXiv 2101.03961, equations 4 to 6; GShard, arXiv 2006.16668, algorithm 1
#pragma once
#include "engine/context.h"

namespace mvmoe {

Var switch_loss(Context& c, Var p);  // p [n, E] to [1]

}  // namespace mvmoe
