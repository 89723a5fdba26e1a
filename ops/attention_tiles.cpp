#include "ops/attention_tiles.h"

#include <algorithm>
#include <cmath>

#include "engine/vector_math.h"

namespace mvmoe {
namespace {

// A matrix of floats; its rows are `stride` floats apart. Without data: a gradient that nobody wants.
struct Rows {
  float* data = nullptr;
  std::ptrdiff_t stride = 0;
  float* row(std::ptrdiff_t r) const { return data + r * stride; }
};

// One head of one image. W: the queries rounded up to whole vectors. In `flipped` the columns beyond the queries are 0.
struct Head {
  int queries, keys, head_dim, columns;
  float scale;
  Rows q, k, v;        // [Tq, d], [T, d], [T, d]
  Rows probs;          // P^T [T, W]
  Rows flipped, work;  // [d, W], [T, W]
};

// c [m, n] = a b, or += a b if `add`. a is [m, depth], or its transpose if `flipped`; b [depth, n]; n is whole vectors.
void product(Rows a, bool flipped, Rows b, Rows c, int m, int n, int depth, bool add) {
  if (!c.data) return;
  for (int i = 0; i < m; i += tile_rows)
    for (int j = 0; j < n; j += tile_columns) {
      float* to = c.row(i) + j;
      multiply(Tile{.a = flipped ? a.data + i : a.row(i),
                    .a_row = flipped ? 1 : a.stride,
                    .a_step = flipped ? a.stride : 1,
                    .b = b.data + j,
                    .b_vector = vector_floats,
                    .b_step = b.stride,
                    .c = to,
                    .c_row = c.stride,
                    .rows = std::min(tile_rows, m - i),
                    .vectors = std::min(tile_columns, n - j) / vector_floats,
                    .depth = depth,
                    .onto = add ? to : nullptr});
    }
}

// Calls body(head, view) for every head. view(rows) is this head's part of another tensor of rows of queries or keys.
template <class Body>
void each_head(const Attention& op, const Body& body) {
  const int d = op.head_dim, T = op.k.tokens, W = op.probs.width();
  for (int i = 0; i < op.images; ++i)
    for (int h = 0; h < op.heads; ++h) {
      const auto view = [&](const TokenRows& rows) {
        return rows.data
                   ? Rows{rows.data + static_cast<std::ptrdiff_t>(i) * rows.tokens * rows.stride + h * d, rows.stride}
                   : Rows{};
      };
      body(Head{.queries = op.q.tokens,
                .keys = T,
                .head_dim = d,
                .columns = W,
                .scale = 1 / std::sqrt(static_cast<float>(d)),
                .q = view(op.q),
                .k = view(op.k),
                .v = view(op.v),
                .probs = {op.probs.row((i * op.heads + h) * T), W},
                .flipped = {op.scratch.data(), W},
                .work = {op.scratch.row(d), W}},
           view);
    }
}

// Softmax down the columns first .. first + W, as many as registers hold: p = e^(s - largest) / sum.
template <int W>
void softmax_columns(const Head& head, int first) {
  float largest[W], sum[W] = {};
  std::copy_n(head.probs.row(0) + first, W, largest);
  for (int t = 1; t < head.keys; ++t) {
    const float* p = head.probs.row(t) + first;
#pragma omp simd
    for (int i = 0; i < W; ++i) largest[i] = p[i] > largest[i] ? p[i] : largest[i];
  }
  for (int t = 0; t < head.keys; ++t) {
    float* p = head.probs.row(t) + first;
#pragma omp simd
    for (int i = 0; i < W; ++i) {
      p[i] = exp_of(p[i] - largest[i]);
      sum[i] += p[i];
    }
  }
#pragma omp simd
  for (int i = 0; i < W; ++i) sum[i] = 1 / sum[i];
  for (int t = 0; t < head.keys; ++t) {
    float* p = head.probs.row(t) + first;
#pragma omp simd
    for (int i = 0; i < W; ++i) p[i] *= sum[i];
  }
}

// dS^T = s P^T * (dP^T - sum over keys of P dP), written over dP^T. The scale s belongs to dQ and dK; here it is
// applied once for both.
template <int W>
void softmax_backward(const Head& head, int first) {
  float dot[W] = {};
  for (int t = 0; t < head.keys; ++t) {
    const float *p = head.probs.row(t) + first, *dp = head.work.row(t) + first;
#pragma omp simd
    for (int i = 0; i < W; ++i) dot[i] += p[i] * dp[i];
  }
  for (int t = 0; t < head.keys; ++t) {
    const float* p = head.probs.row(t) + first;
    float* dp = head.work.row(t) + first;
#pragma omp simd
    for (int i = 0; i < W; ++i) dp[i] = head.scale * p[i] * (dp[i] - dot[i]);
  }
}

// Calls wide(first) for each pair of vectors of columns, and narrow(first) for a single vector at the end.
template <class Wide, class Narrow>
void each_columns(const Head& head, const Wide& wide, const Narrow& narrow) {
  int first = 0;
  for (; first + 2 * vector_floats <= head.columns; first += 2 * vector_floats) wide(first);
  if (first < head.columns) narrow(first);
}

}  // namespace

void forward_by_tiles(const Attention& op, Tensor y) {
  each_head(op, [&](const Head& head, const auto& view) {
    const int Tq = head.queries, T = head.keys, d = head.head_dim, W = head.columns;
    transpose(head.q.data, head.q.stride, Tq, d, head.scale, head.flipped.data, W);
    product(head.k, false, head.flipped, head.probs, T, W, d, false);  // S^T = K (s Q)^T
    each_columns(
        head, [&](int first) { softmax_columns<2 * vector_floats>(head, first); },
        [&](int first) { softmax_columns<vector_floats>(head, first); });
    product(head.probs, true, head.v, view(TokenRows{y.data(), Tq, y.width()}), Tq, d, T, false);  // Y = P V
  });
}

void backward_by_tiles(const Attention& op, Tensor dy, TokenRows dq, TokenRows dk, TokenRows dv) {
  each_head(op, [&](const Head& head, const auto& view) {
    const int Tq = head.queries, T = head.keys, d = head.head_dim, W = head.columns;
    const Rows dyh = view(TokenRows{dy.data(), Tq, dy.width()});
    transpose(dyh.data, dyh.stride, Tq, d, 1, head.flipped.data, W);
    product(head.v, false, head.flipped, head.work, T, W, d, false);  // dP^T = V dY^T
    product(head.probs, false, dyh, view(dv), T, d, Tq, true);        // dV += P^T dY
    each_columns(
        head, [&](int first) { softmax_backward<2 * vector_floats>(head, first); },
        [&](int first) { softmax_backward<vector_floats>(head, first); });
    product(head.work, true, head.k, view(dq), Tq, d, T, true);   // dQ += dS K
    product(head.work, false, head.q, view(dk), T, d, Tq, true);  // dK += dS^T Q
  });
}

}  // namespace mvmoe
