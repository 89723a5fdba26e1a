#include "ops/layer_norm.h"

#include <cmath>

#include "ops/check.h"

namespace mvmoe {

void LayerNorm::forward(Tensor y) const {
  const int D = x.width();
  const float *gam = gamma.data(), *bet = beta.data();
  for (int r = 0; r < x.rows(); ++r) {
    const float* xr = x.row(r);
    float* yr = y.row(r);
    float sum = 0, squares = 0;
#pragma omp simd reduction(+ : sum)
    for (int i = 0; i < D; ++i)
      sum += xr[i] - xr[0];  // relative to xr[0]: a sum of large numbers loses the small digits
    const float m = xr[0] + sum / static_cast<float>(D);
#pragma omp simd reduction(+ : squares)  // a second pass: E[x^2] - m^2 loses its digits when |m| is large
    for (int i = 0; i < D; ++i) squares += (xr[i] - m) * (xr[i] - m);
    const float s = 1 / std::sqrt(squares / static_cast<float>(D) + eps);
#pragma omp simd
    for (int i = 0; i < D; ++i) yr[i] = gam[i] * ((xr[i] - m) * s) + bet[i];
    mean[static_cast<std::size_t>(r)] = m;
    rstd[static_cast<std::size_t>(r)] = s;
  }
}

// With g = gamma * dy:  dx = rstd * (g - mean(g) - n * mean(g * n)), means over the row:
// the effect of x_i on its own output, minus its effects through the row's mean and through its variance.
void LayerNorm::backward(Tensor dy, Tensor dx, Tensor dgamma, Tensor dbeta) const {
  const int D = x.width();
  const float* gam = gamma.data();
  for (int r = 0; r < x.rows(); ++r) {
    const float *xr = x.row(r), *dyr = dy.row(r);
    const float m = mean[static_cast<std::size_t>(r)], s = rstd[static_cast<std::size_t>(r)];
    if (!dgamma.empty()) {
      float* dg = dgamma.data();
#pragma omp simd
      for (int i = 0; i < D; ++i) dg[i] += dyr[i] * ((xr[i] - m) * s);
    }
    if (!dbeta.empty()) {
      float* db = dbeta.data();
#pragma omp simd
      for (int i = 0; i < D; ++i) db[i] += dyr[i];
    }
    if (dx.empty() || D == 1)
      continue;  // one number is its own mean: exactly no gradient (an fma would leave its rounding, times rstd)
    float sum_g = 0, sum_gn = 0;
#pragma omp simd reduction(+ : sum_g, sum_gn)
    for (int i = 0; i < D; ++i) {
      const float g = gam[i] * dyr[i];
      sum_g += g;
      sum_gn += g * ((xr[i] - m) * s);
    }
    const float mean_g = sum_g / static_cast<float>(D), mean_gn = sum_gn / static_cast<float>(D);
    float* dxr = dx.row(r);
#pragma omp simd
    for (int i = 0; i < D; ++i) dxr[i] += s * (gam[i] * dyr[i] - mean_g - (xr[i] - m) * s * mean_gn);
  }
}

LayerNorm LayerNorm::part(int first, int count) const {
  return {.x = x.reshaped({x.rows(), x.width()}).outer_slice(first, count),
          .gamma = gamma,
          .beta = beta,
          .mean = mean.outer_slice(first, count),
          .rstd = rstd.outer_slice(first, count),
          .eps = eps};
}

Var layer_norm(Context& c, Var x, Var gamma, Var beta, float eps) {
  const int D = x.shape().back(), R = x.value().rows();
  require_shape("layer_norm", "gamma", gamma.shape(), {D}, "x", x.shape());
  require_shape("layer_norm", "beta", beta.shape(), {D}, "x", x.shape());
  const LayerNorm op{.x = x.value(),
                     .gamma = gamma.value(),
                     .beta = beta.value(),
                     .mean = c.arena.take({R}),
                     .rstd = c.arena.take({R}),
                     .eps = eps};
  const Var y = c.tape.output(x.shape());
  c.share_rows(y.value(), [&](int first, int count) {
    op.part(first, count).forward(y.value().reshaped({R, D}).outer_slice(first, count));
  });
  c.tape.record("layer_norm", {x, gamma, beta}, y, [=] { op.backward(y.grad(), x.grad(), gamma.grad(), beta.grad()); });
  return y;
}

}  // namespace mvmoe
