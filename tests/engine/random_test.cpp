#include "engine/random.h"

#include <cmath>
#include <map>
#include <set>
#include <vector>

#include "tests/engine/helpers.h"

namespace mvmoe {
namespace {

using Four = std::array<std::uint32_t, 4>;

// Published with the algorithm (Random123, kat_vectors).
TEST(Philox, KnownAnswers) {
  constexpr std::uint32_t f = 0xffffffffu;
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (Four{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({f, f, f, f}, {f, f}), (Four{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Four{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, IsAFunctionOfItsKey) {
  Random a(5, Place::crop, 7, 9), b(5, Place::crop, 7, 9);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(a.bits(), b.bits());
}

// Each part of the key matters, the high halves too.
TEST(Random, EachKeyIsAStreamOfItsOwn) {
  std::set<std::uint32_t> seen;
  int drawn = 0;
  for (const std::uint64_t seed : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 32})
    for (const Place place : {Place::init, Place::shuffle, Place::holdout, Place::crop, Place::flip, Place::drop_path,
                              Place::random_resized_crop, Place::color_jitter, Place::rand_augment,
                              Place::random_erasing, Place::erasing_noise, Place::mixing})
      for (const std::uint64_t step : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{3} << 32})
        for (const std::uint64_t index :
             {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{6} << 32}) {
          seen.insert(Random(seed, place, step, index).bits());
          ++drawn;
        }
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(drawn));
}

TEST(Random, UniformIsInsideItsRangeWithTheRightMoments) {
  Random random(1, Place::test);
  double sum = 0, squares = 0;
  constexpr int n = 200'000;
  for (int i = 0; i < n; ++i) {
    const float u = random.uniform();
    ASSERT_TRUE(u >= 0 && u < 1);
    sum += u;
    squares += double{u} * u;
  }
  EXPECT_NEAR(sum / n, 0.5, 0.003);
  EXPECT_NEAR(squares / n, 1.0 / 3, 0.003);
}

TEST(Random, NormalHasTheRightMomentsAndIndependentPairs) {
  Random random(2, Place::test);
  constexpr int n = 200'000;
  double sum = 0, squares = 0, fourth = 0, pairs = 0, previous = 0;
  for (int i = 0; i < n; ++i) {
    const double z = random.normal();
    ASSERT_TRUE(std::isfinite(z));
    sum += z;
    squares += z * z;
    fourth += z * z * z * z;
    pairs += z * previous;
    previous = z;
  }
  EXPECT_NEAR(sum / n, 0, 0.01);
  EXPECT_NEAR(squares / n, 1, 0.015);
  EXPECT_NEAR(fourth / n, 3, 0.12);
  EXPECT_NEAR(pairs / n, 0, 0.01);
}

TEST(Random, BelowGivesEachNumberItsShare) {
  for (const std::uint32_t n : {1u, 2u, 3u, 7u, 10u}) {
    Random random(3, Place::test, n);
    std::vector<int> count(n);
    for (int i = 0; i < 70'000; ++i) {
      const std::uint32_t k = random.below(n);
      ASSERT_LT(k, n);
      ++count[k];
    }
    for (const int c : count) EXPECT_NEAR(c, 70'000.0 / n, 6 * std::sqrt(70'000.0 / n));
  }
}

// With n = 3/4 of 2^32, four values fall on three numbers: without rejection every third number has twice the chance.
TEST(Random, BelowIsUniformForLargeNumbers) {
  Random random(4, Place::test);
  int count[3] = {};
  for (int i = 0; i < 30'000; ++i) ++count[random.below(0xC0000000u) % 3];
  for (const int c : count) EXPECT_NEAR(c, 10'000, 500);
}

TEST(Random, ChanceIsAProbability) {
  Random random(5, Place::test);
  int hits = 0;
  for (int i = 0; i < 100'000; ++i) hits += random.chance(0.1f);
  EXPECT_NEAR(hits, 10'000, 500);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_FALSE(random.chance(0));
    EXPECT_TRUE(random.chance(1));
  }
}

}  // namespace
}  // namespace mvmoe
