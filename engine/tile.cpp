#include "engine/tile.h"

#include <array>
#include <utility>

namespace mvmoe {
namespace {

// A vector register, and a vector in memory at any address.
typedef float Vector __attribute__((vector_size(vector_floats * sizeof(float))));
typedef float Unaligned __attribute__((vector_size(vector_floats * sizeof(float)), aligned(sizeof(float)), may_alias));

Vector load(const float* from) { return *reinterpret_cast<const Unaligned*>(from); }
void store(float* to, Vector v) { *reinterpret_cast<Unaligned*>(to) = v; }

// The loops over rows and vectors are unrolled, so that `sum` stays in registers. Rows are addressed from two pointers
// (a, lower), and vectors too (b, right), so that addresses need few registers. With too many, the compiler keeps some
// in vector registers, and fetching one from there takes the time of a multiply-add.
template <int rows, int vectors>
void multiply_tile(const Tile& t) {
  Vector sum[rows][vectors];
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) sum[r][v] = t.start ? load(t.start + v * vector_floats) : Vector{};
  const std::ptrdiff_t a_row = t.a_row, a_step = t.a_step, b_vector = t.b_vector, b_step = t.b_step, c_row = t.c_row;
  const float *a = t.a, *lower = a + 3 * a_row, *b = t.b, *right = b + 2 * b_vector;
  for (int k = t.depth; k > 0; --k, a += a_step, lower += a_step, b += b_step, right += b_step) {
    Vector row[vectors];
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) row[v] = load((v < 2 ? b : right) + v % 2 * b_vector);
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) {
      const float* near =
          r < 3 ? a : lower;  // inside the expression below, g++ 12 reads a wrong row with -fsanitize=undefined
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) sum[r][v] += near[r % 3 * a_row] * row[v];
    }
  }
  float* c = t.c;
  const float* onto = t.onto;
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r, c += c_row) {
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v)
      store(c + v * vector_floats, onto ? sum[r][v] + load(onto + v * vector_floats) : sum[r][v]);
    if (onto) onto += c_row;
  }
}

using Multiply = void (*)(const Tile&);

// multiply_tile for each size of a tile, at index (rows - 1) * tile_vectors + vectors - 1.
template <std::size_t... sizes>
constexpr std::array<Multiply, sizeof...(sizes)> instances(std::index_sequence<sizes...>) {
  return {multiply_tile<static_cast<int>(sizes) / tile_vectors + 1, static_cast<int>(sizes) % tile_vectors + 1>...};
}

constexpr auto of_size = instances(std::make_index_sequence<tile_rows * tile_vectors>());

// From a b c .. and A B C ..: a A b B .., from the first halves of both, or from the second halves.
template <bool second, std::size_t... i>
Vector interleave(Vector a, Vector b, std::index_sequence<i...>) {
  return __builtin_shufflevector(a, b, (i / 2 + (second ? vector_floats / 2 : 0) + i % 2 * vector_floats)...);
}

// Transposes a square of vectors. A round interleaves each row of the upper half with the same row of the lower half.
// Seen in binary, that moves the highest bit of an element's row to the lowest bit of its column, and the highest bit
// of its column to the lowest bit of its row. After one round per bit, row and column are exchanged.
void transpose_square(Vector (&rows)[vector_floats]) {
  constexpr auto every = std::make_index_sequence<vector_floats>();
  for (int round = 1; round < vector_floats; round *= 2) {
    Vector next[vector_floats];
#pragma GCC unroll 16
    for (int r = 0; r < vector_floats / 2; ++r) {
      next[2 * r] = interleave<false>(rows[r], rows[r + vector_floats / 2], every);
      next[2 * r + 1] = interleave<true>(rows[r], rows[r + vector_floats / 2], every);
    }
#pragma GCC unroll 16
    for (int r = 0; r < vector_floats; ++r) rows[r] = next[r];
  }
}

}  // namespace

void transpose(const float* from, std::ptrdiff_t from_stride, int rows, int columns, float scale, float* to,
               std::ptrdiff_t to_stride) {
  for (int r = 0; r < rows; r += vector_floats)
    for (int n = 0; n < columns; n += vector_floats) {
      Vector square[vector_floats];
#pragma GCC unroll 16
      for (int i = 0; i < vector_floats; ++i)
        square[i] = r + i < rows ? scale * load(from + (r + i) * from_stride + n) : Vector{};
      transpose_square(square);
#pragma GCC unroll 16
      for (int i = 0; i < vector_floats; ++i) store(to + (n + i) * to_stride + r, square[i]);
    }
}

void multiply(const Tile& tile) {
  of_size[static_cast<std::size_t>((tile.rows - 1) * tile_vectors + tile.vectors - 1)](tile);
}

}  // namespace mvmoe
