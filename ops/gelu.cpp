#include "ops/gelu.h"

#include "engine/vector_math.h"

namespace mvmoe {

void Gelu::forward(Tensor y) const {
  const float* in = x.data();
  float* out = y.data();
#pragma omp simd
  for (std::size_t i = 0; i < x.size(); ++i) out[i] = in[i] * normal_at(in[i]).below;
}

// (x Phi(x))' = Phi(x) + x phi(x)
void Gelu::backward(Tensor dy, Tensor dx) const {
  const float *in = x.data(), *d = dy.data();
  float* out = dx.data();
#pragma omp simd
  for (std::size_t i = 0; i < x.size(); ++i) {
    const Normal n = normal_at(in[i]);
    out[i] += d[i] * (n.below + in[i] * n.density);
  }
}

Var gelu(Context& c, Var x) {
  const Gelu op{.x = x.value()};
  const Var y = c.tape.output(x.shape());
  op.forward(y.value());
  c.tape.record("gelu", {x}, y, [=] { op.backward(y.grad(), x.grad()); });
  return y;
}

}  // namespace mvmoe
