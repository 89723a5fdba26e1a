#include "engine/gemm_tiles.h"

#include <algorithm>

#include "engine/tile.h"

namespace mvmoe {

bool fits_tiles(const Matrix& b, const Matrix& c, Factors factors) {
  if (c.columns % vector_floats != 0 || (factors.beta != 0 && factors.beta != 1)) return false;
  constexpr int rows_to_pay = 96, widest = 256, deepest = 1024;  // rows, floats, floats. Beyond, oneDNN's copy pays
  return b.flipped ? c.rows >= rows_to_pay && b.columns % vector_floats == 0 && b.columns <= deepest
                   : factors.alpha == 1 && b.stride <= widest;
}

void gemm_tiles(const Matrix& a, const Matrix& b, const Matrix& c, Factors factors) {
  constexpr int most_depth = 256;
  alignas(64) float panel[most_depth * tile_columns];  // [depth, columns]: a part of b, if b is read transposed
  const int K = a.breadth(), depth_step = b.flipped ? most_depth : K;
  for (int n = 0; n < c.columns; n += tile_columns)
    for (int k = 0; k < K; k += depth_step) {
      const int columns = std::min(tile_columns, c.columns - n), depth = std::min(depth_step, K - k);
      if (b.flipped)
        transpose(b.data + static_cast<std::ptrdiff_t>(n) * b.stride + k, b.stride, columns, depth, factors.alpha,
                  panel, columns);
      for (int r = 0; r < c.rows; r += tile_rows) {
        float* to = c.data + static_cast<std::ptrdiff_t>(r) * c.stride + n;
        multiply({.a = a.data + (a.flipped ? static_cast<std::ptrdiff_t>(k) * a.stride + r
                                           : static_cast<std::ptrdiff_t>(r) * a.stride + k),
                  .a_row = a.flipped ? 1 : a.stride,
                  .a_step = a.flipped ? a.stride : 1,
                  .b = b.flipped ? panel : b.data + n,
                  .b_vector = vector_floats,
                  .b_step = b.flipped ? columns : b.stride,
                  .c = to,
                  .c_row = c.stride,
                  .rows = std::min(tile_rows, c.rows - r),
                  .vectors = columns / vector_floats,
                  .depth = depth,
                  .onto = factors.beta == 1 || k > 0 ? to : nullptr});
      }
    }
}

}  // namespace mvmoe
