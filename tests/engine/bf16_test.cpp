// bfloat16. Wrong but plausible, and what shows it: the lower half cut instead of rounded, ties away from zero instead
// of to even, a NaN whose set bits are all below and becomes infinity, a denormal flushed (every upper half with six
// lower ones); one operand left as it is, the result rounded too, a block of a large product left out or counted twice
// (against double).
#include "engine/bf16.h"

#include <cmath>
#include <limits>
#include <vector>

#include "engine/gemm_bf16.h"
#include "engine/random.h"
#include "tests/engine/helpers.h"

namespace mvmoe {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();

// By arithmetic: the two neighbours with 8 digits, and which of them is nearer.
double nearest_bf16(double x) {
  if (x == 0 || !std::isfinite(x)) return x;
  const double unit = std::ldexp(1.0, std::max(std::ilogb(x), -126) - 7);  // below 2^-126 digits are lost, not range
  const double rounded = std::nearbyint(x / unit) * unit;                  // to even, the default mode
  return std::abs(rounded) >= std::ldexp(1.0, 128) ? std::copysign(infinity, x) : rounded;
}

TEST(Bf16, EveryUpperHalfRoundsToTheNearest) {
  for (std::uint32_t upper = 0; upper < 0x10000; ++upper)
    for (const std::uint32_t lower : {0x0000u, 0x0001u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu}) {
      const float x = std::bit_cast<float>(upper << 16 | lower), rounded = rounded_to_bf16(x);
      if (std::isnan(x)) {
        ASSERT_TRUE(std::isnan(rounded)) << std::hex << upper << lower;
        continue;
      }
      ASSERT_EQ(rounded, nearest_bf16(x)) << std::hex << upper << " " << lower;
      ASSERT_EQ(std::signbit(rounded), std::signbit(x));
      ASSERT_EQ(std::bit_cast<std::uint32_t>(rounded) & 0xffff, 0u);
    }
}

TEST(Bf16, TiesGoToTheEvenOne) {
  EXPECT_EQ(rounded_to_bf16(1 + 0x1p-8f), 1);
  EXPECT_EQ(rounded_to_bf16(1 + 0x1p-7f + 0x1p-8f), 1 + 0x1p-6f);
  EXPECT_EQ(rounded_to_bf16(std::numeric_limits<float>::max()), infinity);
  EXPECT_EQ(rounded_to_bf16(0x1p-133f), 0x1p-133f);  // the smallest bf16
  EXPECT_EQ(rounded_to_bf16(0x1p-134f), 0);
}

// What a processor lacks is not tested on it, and counted as skipped.
class Bf16Product : public testing::TestWithParam<Kernels> {
 protected:
  void SetUp() override {
    if (GetParam() == Kernels::fast_bf16 && !has_gemm_bf16()) GTEST_SKIP() << "no AVX512-BF16";
  }
};
INSTANTIATE_TEST_SUITE_P(Both, Bf16Product, testing::Values(Kernels::plain_bf16, Kernels::fast_bf16),
                         [](const auto& kernels) {
                           return std::string(kernels.param == Kernels::plain_bf16 ? "plain" : "fast");
                         });

// [height, breadth] as read, with three floats between its rows that nobody may read or write.
struct Stored {
  std::vector<float> memory;
  Matrix view;
  Stored(Random& random, int height, int breadth, bool flipped) {
    const int rows = flipped ? breadth : height, columns = flipped ? height : breadth, stride = columns + 3;
    memory.assign(static_cast<std::size_t>(rows * stride), nan);
    for (int r = 0; r < rows; ++r)
      for (int i = 0; i < columns; ++i) memory[static_cast<std::size_t>(r * stride + i)] = random.normal();
    view = {memory.data(), rows, columns, stride, flipped};
  }
  float at(int i, int j) const {
    return memory[static_cast<std::size_t>(view.flipped ? j * view.stride + i : i * view.stride + j)];
  }
};

struct Size {
  int m, n, k;
};

TEST_P(Bf16Product, IsTheProductOfRoundedInputs) {
  for (const Size s : {Size{1, 1, 1}, Size{1, 7, 3}, Size{17, 33, 65}, Size{64, 65, 31}, Size{5, 400, 3},
                       Size{200, 3, 7}, Size{2, 3, 400}})
    for (const bool flip_a : {false, true})
      for (const bool flip_b : {false, true})
        for (const Factors factors :
             {Factors{1, 0}, Factors{1, 1}, Factors{-0.3f, 2}}) {  // 0.3 is no bf16: factors are not rounded
          Random random(3, Place::test, static_cast<std::uint64_t>(s.m), static_cast<std::uint64_t>(s.n));
          const Stored a(random, s.m, s.k, flip_a), b(random, s.k, s.n, flip_b);
          Stored c(random, s.m, s.n, false);
          const Stored before = c;
          if (factors.beta == 0) c.memory[0] = nan;  // what stood there does not count
          c.view.data = c.memory.data();
          gemm(a.view, b.view, c.view, factors, GetParam());
          for (int i = 0; i < s.m; ++i)
            for (int j = 0; j < s.n + 3; ++j) {
              const float is = c.memory[static_cast<std::size_t>(i * c.view.stride + j)];
              if (j >= s.n) {
                ASSERT_TRUE(std::isnan(is)) << "wrote into a gap";
                continue;
              }
              double must_be = double{factors.beta} * before.at(i, j), largest = std::abs(must_be);
              for (int k = 0; k < s.k; ++k) {
                const double term = double{factors.alpha} * nearest_bf16(a.at(i, k)) * nearest_bf16(b.at(k, j));
                must_be += term;
                largest += std::abs(term);
              }
              ASSERT_NEAR(is, must_be, 1e-6 * largest)
                  << s.m << " " << s.n << " " << s.k << " " << flip_a << flip_b << ": " << i << " " << j;
            }
        }
}

TEST_P(Bf16Product, NaNAndInfinityGoThrough) {
  float a[2] = {nan, 2}, b[2] = {0, 4}, c[1] = {0};
  gemm({a, 1, 2, 2}, {b, 2, 1, 1}, {c, 1, 1, 1}, {}, GetParam());
  EXPECT_TRUE(std::isnan(c[0]));
  a[0] = std::numeric_limits<float>::max();  // rounds to infinity
  b[0] = 1;
  gemm({a, 1, 2, 2}, {b, 2, 1, 1}, {c, 1, 1, 1}, {}, GetParam());
  EXPECT_EQ(c[0], infinity);
}

TEST_P(Bf16Product, OverNothing) {
  float none[1] = {nan}, c[6] = {1, 2, 3, 4, 5, 6};
  gemm(Matrix{none, 0, 2, 2}.transposed(), {none, 0, 3, 3}, {c, 2, 3, 3}, {.beta = 1}, GetParam());
  for (int i = 0; i < 6; ++i) EXPECT_EQ(c[i], i + 1);
  gemm(Matrix{none, 0, 2, 2}.transposed(), {none, 0, 3, 3}, {c, 2, 3, 3}, {}, GetParam());
  for (int i = 0; i < 6; ++i) EXPECT_EQ(c[i], 0);
}

// The plain product keeps denormals, as fp32 does; the processor's instructions take them for 0.
TEST(Bf16, ThePlainProductKeepsDenormals) {
  float a[1] = {0x1p-130f}, b[1] = {0x1p20f}, c[1] = {0};
  gemm({a, 1, 1, 1}, {b, 1, 1, 1}, {c, 1, 1, 1}, {}, Kernels::plain_bf16);
  EXPECT_EQ(c[0], 0x1p-110f);
}

TEST(Bf16, WithoutTheInstructionsTheErrorSaysSo) {
  if (has_gemm_bf16()) GTEST_SKIP() << "the processor has AVX512-BF16";
  float m[1] = {1};
  EXPECT_EQ(message_of([&] {
              gemm({m, 1, 1, 1}, {m, 1, 1, 1}, {m, 1, 1, 1}, {}, Kernels::fast_bf16);
            }),
            "gemm: in bf16 is not to be had here: the processor lacks AVX512-BF16, or this oneDNN the product");
}

}  // namespace
}  // namespace mvmoe
