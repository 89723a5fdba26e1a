// ops/fused_linear.h: linear together with what reads its result next: one operation in inference, two where gradients
// are wanted or there are no panels.
#pragma once
#include "engine/context.h"

namespace mvmoe {

// gelu(linear(x)): ops/linear.h, ops/gelu.h.
Var linear_gelu(Context& c, Var x, Var weight, Var bias);

// residual(stream, linear(x), factors): ops/linear.h, ops/residual.h. In inference the result stands where `stream`
// stood.
Var residual_linear(Context& c, Var stream, Var x, Var weight, Var bias, Tensor factors = {});

}  // namespace mvmoe
