#include "ops/dot.h"

#include "ops/check.h"

namespace mvmoe {
Var dot(Context& c, Var s, Tensor weights) {
  require_shape("dot", "weights", weights.shape(), s.shape(), "s", s.shape());
  double sum = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) sum += static_cast<double>(weights[i]) * s.value()[i];
  const Var y = c.tape.output({1});
  y.value()[0] = static_cast<float>(sum);
  c.tape.record("dot", {s}, y, [=] {
    const Tensor ds = s.grad();
    for (std::size_t i = 0; i < weights.size(); ++i) ds[i] += y.grad()[0] * weights[i];
  });
  return y;
}

}  // namespace mvmoe
