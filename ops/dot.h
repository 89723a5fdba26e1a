// ops/dot.h: a weighted sum of a vector. It puts the gradient of a loss over the whole batch on one lane's tape.
//   y = sum_i weights_i s_i
//   gradients  ds_i += weights_i dy; the weights get none: they are constants, the gradient of the batch's loss in s
#pragma once
#include "engine/context.h"

namespace mvmoe {

Var dot(Context& c, Var s, Tensor weights);  // s [E], weights [E] to [1]

}  // namespace mvmoe
