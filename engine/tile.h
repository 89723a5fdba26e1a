// engine/tile.h: the innermost product. A tile is a few rows and a few vectors of columns of the result; its sums stay
// in registers over the whole depth.
//   c_rn = start_n + sum_k a_rk b_kn + onto_rn
// Each element is summed in the order of k, by fused multiply-adds. So its bits depend neither on its tile nor on the
// number of rows, and a product may be cut among threads in any way.
#pragma once
#include <cstddef>

namespace mvmoe {

// Floats in a vector register, and the size of the largest tile that fits the registers together with one row of b and
// one number of a. The sums take 24 of 32 registers with AVX-512, and 12 of 16 with AVX2.
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
  int rows, vectors, depth;      // 1 .. tile_rows, 1 .. tile_vectors; with depth 0 the sum is zero
  const float* start = nullptr;  // [vectors * vector_floats]; null: zeros
  const float* onto = nullptr;   // with c's stride between rows; null: zeros. May be c
};

void multiply(const Tile& tile);

// to = scale from^T: from [rows, columns] with stride from_stride, to [columns, rows] with stride to_stride. `columns`
// must be whole vectors. Each row of `to` is filled up with zeros to whole vectors.
void transpose(const float* from, std::ptrdiff_t from_stride, int rows, int columns, float scale, float* to,
               std::ptrdiff_t to_stride);

}  // namespace mvmoe
