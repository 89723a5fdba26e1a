// ops/add_loss.h: adds one more loss to a lane's total.
//   y = total + weight * loss     scalars
//   gradients  dtotal += dy, dloss += weight dy
#pragma once
#include "engine/context.h"

namespace mvmoe {

Var add_loss(Context& c, Var total, float weight, Var loss);  // [1]

}  // namespace mvmoe
