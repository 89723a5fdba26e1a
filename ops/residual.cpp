#include "ops/residual.h"

#include "ops/check.h"

namespace mvmoe {

void Residual::forward(Tensor y) const {
  const std::size_t images = static_cast<std::size_t>(x.shape()[0]), n = x.size() / images;
  for (std::size_t i = 0; i < images; ++i) {
    const float s = factors.empty() ? 1 : factors[i];
    const float *xi = x.data() + i * n, *bi = branch.data() + i * n;
    float* yi = y.data() + i * n;
#pragma omp simd
    for (std::size_t j = 0; j < n; ++j) yi[j] = xi[j] + s * bi[j];
  }
}

void Residual::backward(Tensor dy, Tensor dx, Tensor dbranch) const {
  const std::size_t images = static_cast<std::size_t>(x.shape()[0]), n = x.size() / images;
  for (std::size_t i = 0; i < images; ++i) {
    const float s = factors.empty() ? 1 : factors[i];
    const float* dyi = dy.data() + i * n;
    if (!dx.empty()) {
      float* dxi = dx.data() + i * n;
#pragma omp simd
      for (std::size_t j = 0; j < n; ++j) dxi[j] += dyi[j];
    }
    if (!dbranch.empty()) {
      float* dbi = dbranch.data() + i * n;
#pragma omp simd
      for (std::size_t j = 0; j < n; ++j) dbi[j] += s * dyi[j];
    }
  }
}

Var residual(Context& c, Var x, Var branch, Tensor factors) {
  require_shape("residual", "branch", branch.shape(), x.shape(), "x", x.shape());
  if (!factors.empty()) require_shape("residual", "factors", factors.shape(), {x.shape()[0]}, "x", x.shape());
  const Residual op{.x = x.value(), .branch = branch.value(), .factors = factors};
  const Var y = c.tape.output(x.shape());
  op.forward(y.value());
  c.tape.record("residual", {x, branch}, y, [=] { op.backward(y.grad(), x.grad(), branch.grad()); });
  return y;
}

}  // namespace mvmoe
