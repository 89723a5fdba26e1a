// engine/compressed.h and fp16.h. Wrong but plausible, and what shows it: cutting instead of rounding (the mean of the
// errors); a tie rounded up (every half is compared, and the middles between two); a scale that is no power of two, or
// of the smallest number; numbers below fp16's range lost (gradients are that small); NaN that becomes a number.
#include "engine/compressed.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include <eigen3/Eigen/Core>

#include "engine/fp16.h"
#include "engine/random.h"

namespace mvmoe {
namespace {

// Eigen's half is the reference: the compiler's, _Float16, is not every compiler's.
TEST(Fp16, EveryHalfIsEigens) {
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const float expected = Eigen::half_impl::half_to_float(Eigen::half_impl::raw_uint16_to_half(half)),
                got = float_of_fp16(half);
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(got)) << bits;
      ASSERT_TRUE(std::isnan(float_of_fp16(fp16_bits(got)))) << bits;
      continue;
    }
    ASSERT_EQ(std::bit_cast<std::uint32_t>(got), std::bit_cast<std::uint32_t>(expected)) << bits;
    ASSERT_EQ(fp16_bits(got), half);
  }
}

TEST(Fp16, RoundsAsEigenDoes) {
  const auto same = [](float x) { return fp16_bits(x) == Eigen::half_impl::float_to_half_rtne(x).x; };
  for (std::uint32_t half = 0; half < 0x7c00; ++half) {  // the middle of two halves, and its neighbours
    const float low = float_of_fp16(static_cast<std::uint16_t>(half)),
                high = half == 0x7bff ? 65536 : float_of_fp16(static_cast<std::uint16_t>(half + 1));
    const float middle = (low + high) / 2;
    for (const float x : {middle, std::nextafter(middle, 0.0f), std::nextafter(middle, 1e9f)}) {
      ASSERT_TRUE(same(x)) << x;
      ASSERT_TRUE(same(-x)) << x;
    }
  }
  for (const float x : {65519.996f, 65520.0f, 1e38f, std::numeric_limits<float>::infinity(), 1e-40f, 0.0f})
    EXPECT_TRUE(same(x) && same(-x)) << x;
}

// Numbers as gradients are: of many sizes, most of them small; an odd count, so that no vector ends with it.
std::vector<float> gradients(float largest, std::size_t n = 10'007) {
  Random random(5, Place::test);
  std::vector<float> x(n);
  for (float& value : x) value = random.uniform(-1, 1) * std::exp2(random.uniform(-20, -1)) * largest;
  x[77] = -largest;
  return x;
}

std::vector<float> there_and_back(const std::vector<float>& x, Compression c) {
  std::vector<std::byte> bytes(compressed_bytes(x.size(), c));
  compress(x, c, bytes.data());
  std::vector<float> y(x.size(), 99);
  decompress(bytes.data(), c, y);
  return y;
}

class Compressed : public testing::TestWithParam<float> {};
INSTANTIATE_TEST_SUITE_P(Largest, Compressed, testing::Values(1e-35f, 3e-9f, 0.7f, 1.0f, 123456.0f, 3e38f));

TEST_P(Compressed, IsWithinWhatIsSaid) {
  const std::vector<float> x = gradients(GetParam());
  for (const Compression c : {Compression::bf16, Compression::fp16}) {
    const bool half = c == Compression::fp16;
    const std::vector<float> y = there_and_back(x, c);
    double squares = 0, errors = 0, sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double error = double{y[i]} - x[i], bound = std::max(std::exp2(half ? -11 : -8) * std::abs(x[i]),
                                                                 half ? std::exp2(-39) * GetParam() : 1e-40);
      ASSERT_LE(std::abs(error), 1.0001 * bound) << i << ": " << x[i] << " became " << y[i];
      squares += double{x[i]} * x[i], errors += error * error, sum += error * (x[i] < 0 ? -1 : 1);
    }
    const double relative = std::sqrt(errors / squares);
    EXPECT_GT(relative, half ? 1e-4 : 8e-4);  // not float
    EXPECT_LT(relative, half ? 2.2e-4 : 1.8e-3);
    EXPECT_LT(std::abs(sum), 4 * std::sqrt(errors));  // rounded, not cut: errors of either sign
  }
}

TEST_P(Compressed, AddsWhatItHolds) {
  const std::vector<float> x = gradients(GetParam() / 4);
  for (const Compression c : {Compression::bf16, Compression::fp16}) {
    const std::vector<float> y = there_and_back(x, c);
    std::vector<std::byte> bytes(compressed_bytes(x.size(), c));
    compress(x, c, bytes.data());
    std::vector<float> sum(x.rbegin(), x.rend());
    add_compressed(bytes.data(), c, sum);
    for (std::size_t i = 0; i < x.size(); ++i) ASSERT_EQ(sum[i], x[x.size() - 1 - i] + y[i]) << i;
  }
}

TEST(Compressed, InfinityAndNaNAreSeen) {
  for (const Compression c : {Compression::bf16, Compression::fp16}) {
    std::vector<float> x = gradients(1);
    x[3] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_TRUE(std::isnan(there_and_back(x, c)[3]));
    EXPECT_NEAR(there_and_back(x, c)[77], -1, 0.005);
    x[3] = -std::numeric_limits<float>::infinity();
    EXPECT_EQ(there_and_back(x, c)[3], x[3]);
    EXPECT_EQ(there_and_back({0, 0, -0.0f}, c), (std::vector<float>{0, 0, 0}));
  }
}

TEST(Compressed, TakesHalfTheBytes) {
  EXPECT_EQ(compressed_bytes(1000, Compression::none), 4000u);
  EXPECT_EQ(compressed_bytes(1000, Compression::bf16), 2000u);
  EXPECT_EQ(compressed_bytes(1000, Compression::fp16), 2004u);
}

}  // namespace
}  // namespace mvmoe
