#include "ops/attention.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "ops/attention_forward.h"
#include "ops/attention_tiles.h"
#include "ops/check.h"
#include "ops/softmax.h"

namespace mvmoe {
namespace {

// Head h of image i as a matrix [tokens, d].
Matrix head_of(const TokenRows& rows, int i, int h, int head_dim) {
  return {rows.data + static_cast<std::ptrdiff_t>(i) * rows.tokens * rows.stride + h * head_dim, rows.tokens, head_dim,
          rows.stride};
}

TokenRows rows_of(Tensor t, int column) {
  if (t.empty()) return {};
  return {t.data() + column, t.shape()[1], t.width()};
}

}  // namespace

void Attention::forward(Tensor y) const {
  const float scale = 1 / std::sqrt(static_cast<float>(head_dim));
  for (int i = 0; i < images; ++i)
    for (int h = 0; h < heads; ++h) {
      const Tensor p = probs.outer_slice(i, 1)
                           .reshaped({heads, q.tokens, k.tokens})
                           .outer_slice(h, 1)
                           .reshaped({q.tokens, k.tokens});
      gemm(head_of(q, i, h, head_dim), head_of(k, i, h, head_dim).transposed(), matrix(p), {.alpha = scale}, kernels);
      for (int t = 0; t < q.tokens; ++t) softmax_row(p.row(t), k.tokens);
      gemm(matrix(p), head_of(v, i, h, head_dim), head_of(rows_of(y, 0), i, h, head_dim), {}, kernels);
    }
}

// Y = P V          gives  dP = dY V^T   and  dV = P^T dY
// P = softmax(S)   gives  dS = P * (dP - rowsum(P * dP)): softmax's Jacobian diag(p) - p p^T, contracted with dP
// S = Q K^T s      gives  dQ = s dS K   and  dK = s dS^T Q
void Attention::backward(Tensor dy, TokenRows dq, TokenRows dk, TokenRows dv) const {
  const float scale = 1 / std::sqrt(static_cast<float>(head_dim));
  const int T = k.tokens;
  for (int i = 0; i < images; ++i)
    for (int h = 0; h < heads; ++h) {
      const Tensor p = probs.outer_slice(i, 1).reshaped({heads, q.tokens, T}).outer_slice(h, 1).reshaped({q.tokens, T});
      const Matrix dyh = head_of(rows_of(dy, 0), i, h, head_dim);
      const Tensor dp = scratch;
      gemm(dyh, head_of(v, i, h, head_dim).transposed(), matrix(dp), {}, kernels);
      if (dv.data) gemm(matrix(p).transposed(), dyh, head_of(dv, i, h, head_dim), {.beta = 1}, kernels);
      for (int t = 0; t < q.tokens; ++t) {
        const float* pt = p.row(t);
        float* dpt = dp.row(t);
        float dot = 0;
#pragma omp simd reduction(+ : dot)
        for (int j = 0; j < T; ++j) dot += pt[j] * dpt[j];
#pragma omp simd
        for (int j = 0; j < T; ++j) dpt[j] = pt[j] * (dpt[j] - dot);  // from here on, dp holds dS
      }
      if (dq.data)
        gemm(matrix(dp), head_of(k, i, h, head_dim), head_of(dq, i, h, head_dim), {.alpha = scale, .beta = 1}, kernels);
      if (dk.data)
        gemm(matrix(dp).transposed(), head_of(q, i, h, head_dim), head_of(dk, i, h, head_dim),
             {.alpha = scale, .beta = 1}, kernels);
    }
}

namespace {

// Without the memory for probabilities; `record` takes it where it is needed.
Attention views(Context& c, Tensor q, int q_column, Tensor kv, int k_column, int v_column, int heads, int D) {
  return {.q = rows_of(q, q_column),
          .k = rows_of(kv, k_column),
          .v = rows_of(kv, v_column),
          .probs = {},
          .scratch = {},
          .images = q.shape()[0],
          .heads = heads,
          .head_dim = D / heads,
          .kernels = c.kernels};
}

// Computes y and records it as a function of `inputs`. gradients() returns dq, dk, dv. If no input wants a gradient,
// the probabilities are never in memory.
template <class Gradients>
Var record(Context& c, Attention op, std::initializer_list<Var> inputs, Shape shape, const Gradients& gradients) {
  const Var y = c.tape.output(shape);
  const bool wants_grad = std::any_of(inputs.begin(), inputs.end(), [](Var input) { return input.wants_grad(); });
  const bool tiles = c.kernels == Kernels::fast && has_tiles(op.head_dim);
  if (tiles && !wants_grad) {
    attention_forward(c, op, y.value());
    c.tape.record("attention", inputs, y);
    return y;
  }
  const int Tq = op.q.tokens, T = op.k.tokens, W = tile_width(Tq);
  op.probs = c.arena.take(tiles ? Shape{op.images, op.heads, T, W} : Shape{op.images, op.heads, Tq, T});
  op.scratch = c.arena.take(tiles ? Shape{op.head_dim + T, W} : Shape{Tq, T});
  if (tiles) forward_by_tiles(op, y.value());
  else op.forward(y.value());
  c.tape.record("attention", inputs, y, [=] {
    const auto [dq, dk, dv] = gradients();
    if (tiles) backward_by_tiles(op, y.grad(), dq, dk, dv);
    else op.backward(y.grad(), dq, dk, dv);
  });
  return y;
}

void require_heads(int D, int heads) {
  if (heads < 1 || D % heads != 0) fail("attention: the width ", D, " is not divided by ", heads, " heads");
}

}  // namespace

Var attention(Context& c, Var qkv, int heads) {
  const Shape s = qkv.shape();
  const int D = s.back() / 3;
  if (s.axes() != 3 || s.back() % 3 != 0) fail("attention: qkv is ", s, ", must be [b, T, 3D]");
  require_heads(D, heads);
  return record(c, views(c, qkv.value(), 0, qkv.value(), D, 2 * D, heads, D), {qkv}, {s[0], s[1], D}, [=] {
    const Tensor d = qkv.grad();
    return std::array{rows_of(d, 0), rows_of(d, D), rows_of(d, 2 * D)};
  });
}

Var attention(Context& c, Var q, Var kv, int heads) {
  const int D = q.shape().back();
  if (q.shape().axes() != 3 || kv.shape().axes() != 3)
    fail("attention: q is ", q.shape(), " and kv is ", kv.shape(), ", must be [b, Tq, D] and [b, T, 2D]");
  require_shape("attention", "kv", kv.shape(), {q.shape()[0], kv.shape()[1], 2 * D}, "q", q.shape());
  require_heads(D, heads);
  return record(c, views(c, q.value(), 0, kv.value(), 0, D, heads, D), {q, kv}, q.shape(), [=] {
    return std::array{rows_of(q.grad(), 0), rows_of(kv.grad(), 0), rows_of(kv.grad(), D)};
  });
}

}  // namespace mvmoe
