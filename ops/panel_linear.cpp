#include "ops/panel_linear.h"

#include <algorithm>

#include "engine/vector_math.h"
#include "ops/check.h"

namespace mvmoe {

void PanelLinear::forward(Context& c, Tensor y) const {
  const int R = x.rows(), K = x.width(), N = y.width();
  c.multiply_adds += static_cast<std::int64_t>(R) * N * K;
  // A piece is a column of tiles, about 150,000 multiply-adds: some microseconds.
  const int tiles = std::max(1, 150'000 / (tile_rows * tile_columns * std::max(K, 1))), height = tiles * tile_rows;
  const int down = (R + height - 1) / height, across = (N + tile_columns - 1) / tile_columns;
  c.share(down * across, [&](int piece, int) {
    const int n = piece / down * tile_columns, columns = std::min(tile_columns, N - n);
    const int first = piece % down * height, end = std::min(R, first + height);
    for (int r = first; r < end; r += tile_rows) {
      const int rows = std::min(tile_rows, end - r);
      multiply({.a = x.row(r),
                .a_row = K,
                .a_step = 1,
                .b = panels + static_cast<std::ptrdiff_t>(n) * K,
                .b_vector = static_cast<std::ptrdiff_t>(vector_floats) * K,
                .b_step = vector_floats,
                .c = y.row(r) + n,
                .c_row = N,
                .rows = rows,
                .vectors = columns / vector_floats,
                .depth = K,
                .start = bias.empty() ? nullptr : bias.data() + n,
                .onto = onto.empty() ? nullptr : onto.row(r) + n});
      if (!gelu) continue;
      for (int i = r; i < r + rows; ++i) {
        float* part = y.row(i) + n;
#pragma omp simd
        for (int j = 0; j < columns; ++j) part[j] *= below_of(part[j]);
      }
    }
  });
}

Var panel_linear(Context& c, Var x, Var weight, Var bias, bool gelu, Var onto) {
  const float* panels = c.panels ? c.panels->of(weight.value()) : nullptr;
  if (!panels) return {};
  const Shape s = x.shape();
  const int N = weight.shape()[0];
  require_shape("linear", "weight", weight.shape(), {N, s.back()}, "x", s);
  if (!bias.empty()) require_shape("linear", "bias", bias.shape(), {N}, "weight", weight.shape());
  if (!onto.empty()) require_shape("linear", "onto", onto.shape(), s.with_back(N), "x", s);
  const Var y = onto.empty() ? c.tape.output(s.with_back(N)) : onto;
  PanelLinear{.x = x.value(),
              .panels = panels,
              .bias = bias.empty() ? Tensor{} : bias.value(),
              .gelu = gelu,
              .onto = onto.empty() ? Tensor{} : onto.value()}
      .forward(c, y.value());
  c.tape.record("linear", {x, weight, bias}, y);
  return y;
}

}  // namespace mvmoe
