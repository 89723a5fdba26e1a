#include "engine/vector_math.h"

#include <cmath>
#include <limits>
#include <numbers>

#include "tests/engine/helpers.h"

namespace mvmoe {
namespace {

TEST(VectorMath, ExpIsWithinTwoUnitsInTheLastPlace) {
  double worst = 0;
  for (int i = -86'999'0; i <= 87'999'0; ++i) {
    const float x = static_cast<float>(i) * 1e-4f;
    const double right = std::exp(double{x});
    const float down = static_cast<float>(right);
    const double unit = double{std::nextafter(down, std::numeric_limits<float>::infinity())} - down;
    const double error = std::abs(exp_of(x) - right) / unit;
    ASSERT_FALSE(std::isnan(error));
    worst = std::max(worst, error);
  }
  EXPECT_LE(worst, 2);
  EXPECT_EQ(exp_of(0), 1);
  EXPECT_EQ(exp_of(-0.0f), 1);
}

TEST(VectorMath, ExpStopsAtTheEnds) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(exp_of(-1000), exp_of(-87));
  EXPECT_EQ(exp_of(-infinity), exp_of(-87));
  EXPECT_NEAR(exp_of(-87) / std::exp(-87.0), 1, 3e-7);
  EXPECT_EQ(exp_of(1000), exp_of(88));
  EXPECT_EQ(exp_of(infinity), exp_of(88));
  EXPECT_NEAR(exp_of(88) / std::exp(88.0), 1, 3e-7);
}

// In a loop, so that the vectorised form is meant too.
TEST(VectorMath, NaNStaysNaN) {
  float x[37], e[37], below[37], density[37];
  for (int i = 0; i < 37; ++i) x[i] = i % 3 == 0 ? std::numeric_limits<float>::quiet_NaN() : static_cast<float>(i);
  for (int i = 0; i < 37; ++i) {
    e[i] = exp_of(x[i]);
    below[i] = normal_at(x[i]).below;
    density[i] = normal_at(x[i]).density;
  }
  for (int i = 0; i < 37; ++i) {
    EXPECT_EQ(std::isnan(e[i]), i % 3 == 0) << i;
    EXPECT_EQ(std::isnan(below[i]), i % 3 == 0) << i;
    EXPECT_EQ(std::isnan(density[i]), i % 3 == 0) << i;
  }
}

TEST(VectorMath, BelowAloneAgreesWithTheErrorFunction) {
  double worst = 0;
  for (int i = -120'000; i <= 120'000; ++i) {
    const float x = static_cast<float>(i) * 1e-4f;
    const double error = std::abs(below_of(x) - 0.5 * std::erfc(-double{x} / std::numbers::sqrt2));
    ASSERT_FALSE(std::isnan(error));
    worst = std::max(worst, error);
  }
  EXPECT_LE(worst, 2.5e-7);  // of which a unit in the last place of 1 is half; the rest hangs on what the compiler
                             // fuses: 2.001e-7 was seen
  EXPECT_EQ(below_of(-6), 0);
  EXPECT_EQ(below_of(-1e30f), 0);
  EXPECT_NEAR(below_of(1e30f), 1, 2e-7);
  EXPECT_TRUE(std::isnan(below_of(std::numeric_limits<float>::quiet_NaN())));
}

TEST(VectorMath, NormalAgreesWithTheErrorFunction) {
  double worst_below = 0, worst_density = 0;
  for (int i = -120'000; i <= 120'000; ++i) {
    const float x = static_cast<float>(i) * 1e-4f;
    const Normal normal = normal_at(x);
    const double below = std::abs(normal.below - 0.5 * std::erfc(-double{x} / std::numbers::sqrt2));
    const double density = std::abs(normal.density - std::exp(-0.5 * double{x} * x) / std::sqrt(2 * std::numbers::pi));
    ASSERT_FALSE(std::isnan(below) || std::isnan(density)) << x;
    worst_below = std::max(worst_below, below);
    worst_density = std::max(worst_density, density);
  }
  EXPECT_LE(worst_below, 2e-7);  // the polynomial's 4e-8, and a few roundings of numbers near one half
  EXPECT_LE(worst_density, 1e-7);
}

}  // namespace
}  // namespace mvmoe
