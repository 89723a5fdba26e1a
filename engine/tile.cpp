#include "engine/tile.h"

#include <array>
#include <utility>

namespace mvmoe {
namespace {

// A vector register, and the same wherever in memory it lies.
typedef float Vector __attribute__((vector_size(vector_floats * sizeof(float))));
typedef float Unaligned __attribute__((vector_size(vector_floats * sizeof(float)), aligned(sizeof(float)), may_alias));

Vector load(const float* from) { return *reinterpret_cast<const Unaligned*>(from); }
void store(float* to, Vector v) { *reinterpret_cast<Unaligned*>(to) = v; }

// The loops over rows and vectors are unrolled, so that `sum` is registers.
template <int rows, int vectors>
void multiply_tile(const Tile& t) {
  Vector sum[rows][vectors];
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) sum[r][v] = t.start ? load(t.start + v * vector_floats) : Vector{};
  const float *a = t.a, *b = t.b;
  for (int k = 0; k < t.depth; ++k, a += t.a_step, b += t.b_step) {
    Vector row[vectors];
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) row[v] = load(b + v * t.b_vector);
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r)
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) sum[r][v] += a[r * t.a_row] * row[v];
  }
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) {
      if (t.onto) sum[r][v] += load(t.onto + r * t.c_row + v * vector_floats);
      store(t.c + r * t.c_row + v * vector_floats, sum[r][v]);
    }
}

using Multiply = void (*)(const Tile&);

// [(rows - 1) * tile_vectors + vectors - 1]: an instance for each size of a tile.
template <std::size_t... sizes>
constexpr std::array<Multiply, sizeof...(sizes)> instances(std::index_sequence<sizes...>) {
  return {multiply_tile<static_cast<int>(sizes) / tile_vectors + 1, static_cast<int>(sizes) % tile_vectors + 1>...};
}

constexpr auto of_size = instances(std::make_index_sequence<tile_rows * tile_vectors>());

}  // namespace

void multiply(const Tile& tile) { of_size[static_cast<std::size_t>((tile.rows - 1) * tile_vectors + tile.vectors - 1)](tile); }

}  // namespace mvmoe
