// Stochastic depth. Wrong but plausible, and what shows it: no 1 / (1 - rate), or the rate where 1 - rate belongs (the
// expectation, rate 0.2 and not 0.5); one draw for the whole lane (some are 0 and some are not); drawn by the place in
// the lane and not in the batch (lanes); the same draw in every branch or step; active at evaluation.
#include "ops/drop_path.h"

#include "tests/ops/op_test.h"

namespace mvmoe {
namespace {

constexpr StepKey training{.training = true, .seed = 11, .step = 3, .first_image = 0};

std::vector<float> factors(StepKey key, int images, float rate, int branch) {
  Bench b;
  b.c.begin(key, nullptr);
  const Tensor t = drop_path_factors(b.c, images, rate, branch);
  return t.empty() ? std::vector<float>{} : std::vector<float>(t.data(), t.data() + t.size());
}

// 20000 draws: the mean of the factors has standard deviation sqrt(rate / (1 - rate) / 20000) = 0.0035.
TEST(DropPath, TheExpectationIsTheBranchItself) {
  const std::vector<float> drawn = factors(training, 20000, 0.2f, 1);
  double sum = 0;
  int dropped = 0;
  for (const float f : drawn) {
    ASSERT_TRUE(f == 0 || f == 1 / (1 - 0.2f)) << f;
    sum += f;
    dropped += f == 0;
  }
  EXPECT_NEAR(sum / 20000, 1, 4 * 0.0035);
  EXPECT_NEAR(dropped / 20000.0, 0.2, 4 * 0.0028);
}

// Two branches drop together as often as chance has it: 0.3 * 0.3 = 0.09, standard deviation 0.002. The same for two
// steps, two seeds, and two neighbours in the batch.
TEST(DropPath, DrawsAreIndependent) {
  const std::vector<float> here = factors(training, 20000, 0.3f, 4);
  StepKey next_step = training, other_seed = training, neighbour = training;
  ++next_step.step, ++other_seed.seed, ++neighbour.first_image;
  for (const std::vector<float>& there : {factors(training, 20000, 0.3f, 5), factors(next_step, 20000, 0.3f, 4),
                                          factors(other_seed, 20000, 0.3f, 4), factors(neighbour, 20000, 0.3f, 4)}) {
    int both = 0;
    for (std::size_t i = 0; i < here.size(); ++i) both += here[i] == 0 && there[i] == 0;
    EXPECT_NEAR(both / 20000.0, 0.09, 4 * 0.002);
  }
}

TEST(DropPath, LanesDoNotChangeTheDraw) {
  const std::vector<float> whole = factors(training, 24, 0.5f, 2);
  for (const int lane : {1, 3, 8}) {
    std::vector<float> pieces;
    for (int first = 0; first < 24; first += lane) {
      StepKey key = training;
      key.first_image = static_cast<std::uint64_t>(first);
      for (const float f : factors(key, lane, 0.5f, 2)) pieces.push_back(f);
    }
    EXPECT_EQ(pieces, whole) << "lanes of " << lane;
  }
}

TEST(DropPath, NoneAtEvaluationAndNoneAtRateZero) {
  StepKey evaluation = training;
  evaluation.training = false;
  EXPECT_EQ(factors(evaluation, 8, 0.5f, 2), std::vector<float>{});
  EXPECT_EQ(factors(training, 8, 0, 2), std::vector<float>{});
  EXPECT_EQ(factors(training, 8, 0.5f, 2).size(), 8u);
}

TEST(DropPath, ErrorsNameTheRate) {
  EXPECT_EQ(message_of([] { factors(training, 8, 1, 0); }), "drop_path: rate is 1, must be at least 0 and below 1");
  EXPECT_EQ(message_of([] { factors(training, 8, -0.5f, 0); }),
            "drop_path: rate is -0.5, must be at least 0 and below 1");
  EXPECT_EQ(message_of([] { factors(training, 8, NAN, 0); }), "drop_path: rate is nan, must be at least 0 and below 1");
}

}  // namespace
}  // namespace mvmoe
