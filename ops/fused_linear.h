// ops/fused_linear.h: linear together with the operation that reads its result. One operation in inference; two where
// gradients are wanted, or where there are no panels.
#pragma once
#include "engine/context.h"

namespace mvmoe {

// gelu(linear(x)): ops/linear.h, ops/gelu.h.
Var linear_gelu(Context& c, Var x, Var weight, Var bias);

// residual(stream, linear(x), factors): ops/linear.h, ops/residual.h. In inference the result is written over `stream`.
Var residual_linear(Context& c, Var stream, Var x, Var weight, Var bias, Tensor factors = {});

}  // namespace mvmoe
