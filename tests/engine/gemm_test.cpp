#include "engine/gemm.h"

#include <cmath>
#include <limits>
#include <vector>

#include "engine/random.h"
#include "tests/engine/helpers.h"

namespace mvmoe {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();

struct Stored {
  std::vector<float> memory;
  Matrix view;
};

// A matrix that reads as [height, breadth], stored with `gap` floats between its rows that nobody may read or write.
Stored stored(Random& random, int height, int breadth, bool flipped, int gap) {
  const int rows = flipped ? breadth : height, columns = flipped ? height : breadth;
  Stored s{std::vector<float>(static_cast<std::size_t>(rows * (columns + gap)), nan), {}};
  for (int r = 0; r < rows; ++r)
    for (int c = 0; c < columns; ++c)
      s.memory[static_cast<std::size_t>(r * (columns + gap) + c)] = random.uniform(-1, 1);
  s.view = {s.memory.data(), rows, columns, columns + gap, flipped};
  return s;
}

float at(const Matrix& m, int i, int j) { return m.flipped ? m.data[j * m.stride + i] : m.data[i * m.stride + j]; }

struct Size {
  int m, n, k;
};
class GemmSizes : public testing::TestWithParam<Size> {};
INSTANTIATE_TEST_SUITE_P(Odd, GemmSizes,
                         testing::Values(Size{1, 1, 1}, Size{1, 7, 3}, Size{7, 1, 5}, Size{17, 33, 65},
                                         Size{65, 64, 64}, Size{5, 3, 1}, Size{64, 192, 31}, Size{97, 80, 48},
                                         Size{100, 32,
                                              528}));  // the last two by tiles, with rows, columns and depth left over

// Both kernels against the definition; the gaps between c's rows stay as they were.
TEST_P(GemmSizes, KernelsGiveTheDefinition) {
  const auto [m, n, k] = GetParam();
  Random random(11, Place::test, static_cast<std::uint64_t>(m * 10'000 + n * 100 + k));
  for (const Kernels kernels : {Kernels::fast, Kernels::plain})
    for (const bool flip_a : {false, true})
      for (const bool flip_b : {false, true})
        for (const Factors factors :
             {Factors{1, 0}, Factors{1, 1}, Factors{0.25f, 1}, Factors{-0.5f, 2}, Factors{0.25f, -1}})
          for (const int gap : {0, 3}) {
            const Stored a = stored(random, m, k, flip_a, gap), b = stored(random, k, n, flip_b, gap);
            Stored c = stored(random, m, n, false, gap);
            const std::vector<float> before = c.memory;
            gemm(a.view, b.view, c.view, factors, kernels);
            for (int i = 0; i < m; ++i)
              for (int j = 0; j < n + gap; ++j) {
                const std::size_t place = static_cast<std::size_t>(i * (n + gap) + j);
                if (j >= n) {
                  ASSERT_TRUE(std::isnan(c.memory[place])) << "wrote into a gap";
                  continue;
                }
                double expected = double{factors.beta} * before[place];
                for (int p = 0; p < k; ++p) expected += double{factors.alpha} * at(a.view, i, p) * at(b.view, p, j);
                ASSERT_NEAR(c.memory[place], expected, 2e-6 * (1 + k))
                    << m << " " << n << " " << k << " " << flip_a << flip_b;
              }
          }
}

TEST(Gemm, BetaZeroOverwritesNaN) {
  for (const Kernels kernels : {Kernels::fast, Kernels::plain}) {
    float a[2] = {1, 2}, b[2] = {3, 4}, c[1] = {nan};
    gemm({a, 1, 2, 2}, {b, 2, 1, 1}, {c, 1, 1, 1}, {}, kernels);
    EXPECT_EQ(c[0], 11);
  }
}

TEST(Gemm, NaNInGivesNaNOut) {
  for (const Kernels kernels : {Kernels::fast, Kernels::plain}) {
    float a[2] = {nan, 2}, b[2] = {0, 4}, c[1] = {0};
    gemm({a, 1, 2, 2}, {b, 2, 1, 1}, {c, 1, 1, 1}, {}, kernels);
    EXPECT_TRUE(std::isnan(c[0]));
  }
}

// An expert that nobody chose has no rows: its weight gradient is a product over nothing and must stay.
TEST(Gemm, AProductOverNothing) {
  for (const Kernels kernels : {Kernels::fast, Kernels::plain}) {
    float none[1] = {nan}, c[6] = {1, 2, 3, 4, 5, 6};
    gemm(Matrix{none, 0, 2, 2}.transposed(), {none, 0, 3, 3}, {c, 2, 3, 3}, {.beta = 1}, kernels);
    for (int i = 0; i < 6; ++i) EXPECT_EQ(c[i], i + 1);
    gemm(Matrix{none, 0, 2, 2}.transposed(), {none, 0, 3, 3}, {c, 2, 3, 3}, {.beta = 0}, kernels);
    for (int i = 0; i < 6; ++i) EXPECT_EQ(c[i], 0);
    EXPECT_NO_THROW(gemm({none, 0, 2, 2}, {c, 2, 3, 3}, {none, 0, 3, 3}, {}, kernels));
  }
}

TEST(Gemm, ErrorNamesAllShapes) {
  float m[64] = {};
  EXPECT_EQ(message_of([&] {
              gemm({m, 2, 3, 3}, {m, 4, 5, 5}, {m, 2, 5, 5});
            }),
            "gemm: [2, 3] times [4, 5] does not give [2, 5]");
  EXPECT_EQ(message_of([&] {
              gemm({m, 2, 3, 3}, Matrix{m, 5, 3, 3}.transposed(), {m, 2, 4, 4});
            }),
            "gemm: [2, 3] times [3, 5] does not give [2, 4]");
  EXPECT_EQ(message_of([&] {
              gemm({m, 2, 3, 3}, {m, 3, 5, 5}, {m, 3, 5, 5});
            }),
            "gemm: [2, 3] times [3, 5] does not give [3, 5]");
}

}  // namespace
}  // namespace mvmoe
