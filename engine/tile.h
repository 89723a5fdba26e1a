// engine/tile.h: the innermost product: a tile of a few rows and a few vectors of columns, summed in
// registers over the whole depth.
//   c_rn = start_n + sum_k a_rk b_kn + onto_rn
// A number is summed in the order of k alone, by fused multiply-adds: its bits depend neither on the tile it is in nor
// on how many rows there are. So a product may be cut among threads in any way.
#pragma once
#include <cstddef>

namespace mvmoe {

// Floats of a vector register, and the largest tile whose sums, one row of b and one number of a fit into the
// registers: 24 of 32 with AVX-512, 12 of 16 with AVX2.
#ifdef __AVX512F__
constexpr int vector_floats = 16, tile_vectors = 4;
#else
constexpr int vector_floats = 8, tile_vectors = 2;
#endif
constexpr int tile_rows = 6, tile_columns = vector_floats * tile_vectors;

struct Tile {
  const float* a;
  std::ptrdiff_t a_row, a_step;  // a_rk = a[r * a_row + k * a_step]
  const float* b;
  std::ptrdiff_t b_vector, b_step;  // b_kn = b[(n / vector_floats) * b_vector + k * b_step + n % vector_floats]
  float* c;
  std::ptrdiff_t c_row;          // c_rn = c[r * c_row + n]
  int rows, vectors, depth;      // 1 .. tile_rows, 1 .. tile_vectors; depth 0 is a sum over nothing
  const float* start = nullptr;  // [vectors * vector_floats]; null: zeros
  const float* onto = nullptr;   // rows as those of c; null: nothing is added. May be c
};

void multiply(const Tile& tile);

// to [columns, to_stride] = scale from^T, from [rows, columns] with its own stride. What `to` has in columns from
// `rows` on, up to whole vectors, is made zero; `columns` are whole vectors.
void transpose(const float* from, std::ptrdiff_t from_stride, int rows, int columns, float scale, float* to,
               std::ptrdiff_t to_stride);

}  // namespace mvmoe
