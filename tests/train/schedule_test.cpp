// The learning rate by hand. Wrong but plausible: the cosine counted from the warm-up's end, a warm-up that reaches
// the rate one step late, a last step that is not near the minimum.
#include "train/optimize/schedule.h"

#include <gtest/gtest.h>

#include "train/optimize/adamw.h"

namespace mvmoe {
namespace {

TEST(Schedule, WarmsUpThenFollowsTheCosineOfTheWholeRun) {
  const Schedule s{.rate = 1, .min_rate = 0.1f, .warmup_rate = 0.2f, .warmup_steps = 4, .total_steps = 20};
  EXPECT_FLOAT_EQ(s.at(0), 0.2f);
  EXPECT_FLOAT_EQ(s.at(1), 0.4f);
  EXPECT_FLOAT_EQ(s.at(3), 0.8f);
  EXPECT_NEAR(s.at(5), 0.1 + 0.9 * 0.5 * (1 + 0.70710678), 1e-6);  // a quarter of pi
  EXPECT_NEAR(s.at(10), 0.55, 1e-6);
  EXPECT_NEAR(s.at(19), 0.1 + 0.9 * 0.5 * (1 - 0.98768834), 1e-6);
}

TEST(Schedule, WithoutWarmUpStartsAtTheRate) {
  EXPECT_FLOAT_EQ((Schedule{.rate = 0.3f, .total_steps = 7}.at(0)), 0.3f);
}

TEST(ClipFactor, ShrinksLongGradientsOnly) {
  EXPECT_FLOAT_EQ(clip_factor(4, 1), static_cast<float>(1 / (4 + 1e-6)));
  EXPECT_EQ(clip_factor(0.5, 1), 1);
  EXPECT_EQ(clip_factor(100, 0), 1);  // off
}

}  // namespace
}  // namespace mvmoe
