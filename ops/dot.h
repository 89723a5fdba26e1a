// ops/dot.h: a weighted sum of a vector: how a loss of the whole batch's sum reaches one lane's tape.
//   y = sum_i weights_i s_i
//   gradients  ds_i += weights_i dy; the weights get none: they are the loss's gradient, computed elsewhere
#pragma once
#include "engine/context.h"

namespace mvmoe {

Var dot(Context& c, Var s, Tensor weights);  // s [E], weights [E] to [1]

}  // namespace mvmoe
