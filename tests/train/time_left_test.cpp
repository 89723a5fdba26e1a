#include "train/log/time_left.h"

#include <gtest/gtest.h>

namespace mvmoe {
namespace {

// 5 epochs of 10 steps; evaluated are epochs 2, 4 and, as the last, 5.
constexpr TimeLeft::Run run{
    .steps = 50, .epochs = 5, .eval_every = 2, .images_per_step = 30, .images_per_evaluation = 90};

TEST(TimeLeft, BeforeAnEvaluationItIsExpectedFromAStep) {
  TimeLeft left(run, 0);
  EXPECT_EQ(left.after(0, 0), 0) << "nothing is known";
  left.step_took(2);  // 90 images forward: a third of three steps
  EXPECT_DOUBLE_EQ(left.after(1, 0), 49 * 2.0 + 3 * 2.0);
}

TEST(TimeLeft, CountsTheEvaluationsToCome) {
  TimeLeft left(run, 0);
  left.step_took(2);
  left.evaluation_took(7);
  EXPECT_DOUBLE_EQ(left.after(10, 1), 40 * 2.0 + 3 * 7.0);
  EXPECT_DOUBLE_EQ(left.after(20, 2), 30 * 2.0 + 2 * 7.0);
  EXPECT_DOUBLE_EQ(left.after(40, 4), 10 * 2.0 + 7.0);
  EXPECT_DOUBLE_EQ(left.after(50, 5), 0);
}

TEST(TimeLeft, OfAnEvaluationUnderWay) {
  TimeLeft left(run, 0);
  left.step_took(2);
  left.evaluation_took(7);
  EXPECT_DOUBLE_EQ(left.in_evaluation(40, 4, 30, 4), 8 + 10 * 2.0 + 7.0) << "the third took 4 s, two thirds are left";
  EXPECT_DOUBLE_EQ(left.in_evaluation(40, 4, 0, 0.1), 7 + 10 * 2.0 + 7.0) << "no image yet: as the last one";
}

TEST(TimeLeft, AResumedRunBeginsWithTheStepsBefore) {
  TimeLeft left(run, 3);
  EXPECT_DOUBLE_EQ(left.step_s(), 3);
  left.step_took(2);
  EXPECT_DOUBLE_EQ(left.step_s(), 2);
  left.step_took(4);
  EXPECT_DOUBLE_EQ(left.step_s(), 2.1) << "a moving mean";
}

}  // namespace
}  // namespace mvmoe
