// Tiles and panels. Wrong but plausible, and what shows it: a tile's edge one row or vector off (every size, sentinels
// around c), a and b read with the other's stride (all strides differ), start added twice or onto left out (both
// random), a sum that is cut or ordered by the tile's size (bits of a row alone), a panel taken from the next expert or
// across a slice's end (weights of several parameters, slices).
#include "engine/tile.h"

#include <vector>

#include "engine/panels.h"
#include "tests/ops/op_test.h"

namespace mvmoe {
namespace {

TEST(Tile, EverySizeIsTheDefinition) {
  Bench bench;
  for (int rows = 1; rows <= tile_rows; ++rows)
    for (int vectors = 1; vectors <= tile_vectors; ++vectors)
      for (const int depth : {0, 1, 37}) {
        const int N = vectors * vector_floats, c_row = N + 5;
        const Tensor a = bench.random({rows, depth + 3}, 1),
                     b = bench.random({depth + 1, vectors, vector_floats + 2}, 2), start = bench.random({N}, 3);
        const Tensor onto = bench.random({rows, c_row}, 4), c = bench.zeros({rows, c_row});
        c.fill(77);
        multiply({.a = a.data(),
                  .a_row = depth + 3,
                  .a_step = 1,
                  .b = b.data(),
                  .b_vector = vector_floats + 2,
                  .b_step = vectors * (vector_floats + 2),
                  .c = c.data(),
                  .c_row = c_row,
                  .rows = rows,
                  .vectors = vectors,
                  .depth = depth,
                  .start = start.data(),
                  .onto = onto.data()});
        for (int r = 0; r < rows; ++r) {
          for (int n = 0; n < N; ++n) {
            double sum = static_cast<double>(start[static_cast<std::size_t>(n)]) + onto.row(r)[n];
            for (int k = 0; k < depth; ++k)
              sum += static_cast<double>(a.row(r)[k]) * b.row(k * vectors + n / vector_floats)[n % vector_floats];
            ASSERT_NEAR(c.row(r)[n], sum, 1e-5) << rows << " rows, " << vectors << " vectors, depth " << depth;
          }
          for (int n = N; n < c_row; ++n) ASSERT_EQ(c.row(r)[n], 77);
        }
      }
}

TEST(Tile, ReadsATransposedAAndABOfPlainRows) {
  Bench bench;
  constexpr int K = 19, N = tile_columns;
  const Tensor a = bench.random({K, tile_rows + 1}, 1), b = bench.random({K, N + 3}, 2),
               c = bench.zeros({tile_rows, N});
  multiply({.a = a.data(),
            .a_row = 1,
            .a_step = tile_rows + 1,
            .b = b.data(),
            .b_vector = vector_floats,
            .b_step = N + 3,
            .c = c.data(),
            .c_row = N,
            .rows = tile_rows,
            .vectors = tile_vectors,
            .depth = K});
  for (int r = 0; r < tile_rows; ++r)
    for (int n = 0; n < N; ++n) {
      double sum = 0;
      for (int k = 0; k < K; ++k) sum += static_cast<double>(a.row(k)[r]) * b.row(k)[n];
      ASSERT_NEAR(c.row(r)[n], sum, 1e-5);
    }
}

TEST(Tile, ANumbersBitsDoNotDependOnTheTile) {
  Bench bench;
  constexpr int K = 200, N = tile_columns;
  const Tensor a = bench.random({tile_rows, K}, 1), b = bench.random({K, N}, 2), whole = bench.zeros({tile_rows, N}),
               alone = bench.zeros({1, N});
  const auto product = [&](int first, int rows, int n, int vectors, float* c) {
    multiply({.a = a.row(first),
              .a_row = K,
              .a_step = 1,
              .b = b.data() + n,
              .b_vector = vector_floats,
              .b_step = N,
              .c = c,
              .c_row = N,
              .rows = rows,
              .vectors = vectors,
              .depth = K});
  };
  product(0, tile_rows, 0, tile_vectors, whole.data());
  for (int r = 0; r < tile_rows; ++r) {
    for (int v = 0; v < tile_vectors; ++v) product(r, 1, v * vector_floats, 1, alone.data() + v * vector_floats);
    for (int n = 0; n < N; ++n) ASSERT_EQ(alone[static_cast<std::size_t>(n)], whole.row(r)[n]);
  }
}

// y = x W^T by panels, for each weight or piece of one that has them.
void expect_product(const Panels& panels, Tensor weight) {
  Bench bench;
  const float* w = panels.of(weight);
  ASSERT_NE(w, nullptr);
  const int N = weight.shape()[0], K = static_cast<int>(weight.size()) / N;
  const Tensor x = bench.random({1, K}), y = bench.zeros({1, N});
  for (int n = 0; n < N; n += vector_floats)
    multiply({.a = x.data(),
              .a_row = K,
              .a_step = 1,
              .b = w + static_cast<std::ptrdiff_t>(n) * K,
              .b_vector = 0,
              .b_step = vector_floats,
              .c = y.data() + n,
              .c_row = N,
              .rows = 1,
              .vectors = 1,
              .depth = K});
  for (int n = 0; n < N; ++n) {
    double sum = 0;
    for (int k = 0; k < K; ++k) sum += static_cast<double>(x[static_cast<std::size_t>(k)]) * weight.data()[n * K + k];
    ASSERT_NEAR(y[static_cast<std::size_t>(n)], sum, 1e-5);
  }
}

TEST(Panels, AreTheWeightsAndTheirPieces) {
  constexpr int V = vector_floats;
  const Init random{Init::Kind::normal, 1};
  Parameters p;
  p.add("bias", {3 * V}, random);
  const ParameterId linear = p.add("linear", {3 * V, 7}, random, true), odd = p.add("odd", {V + 1, 5}, random, true);
  const ParameterId convolution = p.add("convolution", {V, 3, 2, 2}, random, true),
                    experts = p.add("experts", {3, 2 * V, 5}, random, true);
  const ParameterId table = p.add("table", {V, 5}, random);
  p.allocate();
  p.initialise(1);
  Threads threads(2);
  const Panels panels(p, threads);
  expect_product(panels, p.value(linear));
  expect_product(panels, p.value(linear).outer_slice(V, 2 * V));
  expect_product(panels, p.value(convolution));
  for (int e = 0; e < 3; ++e) expect_product(panels, p.value(experts).outer_slice(e, 1).reshaped({2 * V, 5}));
  EXPECT_EQ(panels.of(p.value(linear).outer_slice(1, V)), nullptr);  // cuts two panels
  EXPECT_EQ(panels.of(p.value(linear).outer_slice(0, V + 1)), nullptr);
  EXPECT_EQ(panels.of(p.value(odd)), nullptr);
  EXPECT_EQ(panels.of(p.value(table)), nullptr);  // not a weight of a product
  Bench bench;
  EXPECT_EQ(panels.of(bench.random({V, 5})), nullptr);
}

}  // namespace
}  // namespace mvmoe
