#include "ops/linear.h"

#include <algorithm>

#include "ops/check.h"
#include "ops/panel_linear.h"

namespace mvmoe {

void Linear::forward(Tensor y) const {
  if (bias.empty()) return gemm(matrix(x), matrix(weight).transposed(), matrix(y), {}, kernels);
  for (int r = 0; r < y.rows(); ++r) std::copy_n(bias.data(), bias.size(), y.row(r));
  gemm(matrix(x), matrix(weight).transposed(), matrix(y), {.beta = 1}, kernels);
}

// y_rn = sum_k x_rk W_nk + b_n, so dx = dy W, dW = dy^T x, db = the column sums of dy.
void Linear::backward(Tensor dy, Tensor dx, Tensor dweight, Tensor dbias) const {
  if (!dx.empty()) gemm(matrix(dy), matrix(weight), matrix(dx), {.beta = 1}, kernels);
  if (!dweight.empty()) gemm(matrix(dy).transposed(), matrix(x), matrix(dweight), {.beta = 1}, kernels);
  if (!dbias.empty()) {
    const int N = dy.width();
    for (int r = 0; r < dy.rows(); ++r) {
      const float* dyr = dy.row(r);
#pragma omp simd
      for (int n = 0; n < N; ++n) dbias.data()[n] += dyr[n];
    }
  }
}

Var linear(Context& c, Var x, Var weight, Var bias) {
  const int N = weight.shape()[0];
  require_shape("linear", "weight", weight.shape(), {N, x.shape().back()}, "x", x.shape());
  if (!bias.empty()) require_shape("linear", "bias", bias.shape(), {N}, "weight", weight.shape());
  if (const Var y = panel_linear(c, x, weight, bias); !y.empty()) return y;
  const Linear op{
      .x = x.value(), .weight = weight.value(), .bias = bias.empty() ? Tensor{} : bias.value(), .kernels = c.kernels};
  const Var y = c.tape.output(x.shape().with_back(N));
  op.forward(y.value());
  c.tape.record("linear", {x, weight, bias}, y,
                [=] { op.backward(y.grad(), x.grad(), weight.grad(), bias.empty() ? Tensor{} : bias.grad()); });
  return y;
}

}  // namespace mvmoe
