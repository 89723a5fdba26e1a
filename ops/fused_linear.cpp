#include "ops/fused_linear.h"

#include "ops/gelu.h"
#include "ops/linear.h"
#include "ops/panel_linear.h"
#include "ops/residual.h"

namespace mvmoe {

Var linear_gelu(Context& c, Var x, Var weight, Var bias) {
  const Var y = panel_linear(c, x, weight, bias, true);
  return y.empty() ? gelu(c, linear(c, x, weight, bias)) : y;
}

Var residual_linear(Context& c, Var stream, Var x, Var weight, Var bias, Tensor factors) {
  const Var y = factors.empty() ? panel_linear(c, x, weight, bias, false, stream) : Var{};
  return y.empty() ? residual(c, stream, linear(c, x, weight, bias), factors) : y;
}

}  // namespace mvmoe
