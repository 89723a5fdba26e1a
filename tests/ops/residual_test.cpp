// The residual sum. Wrong but plausible, and what shows it: the factor on x as well, or missing in the backward; the
// first image's factor for all (three random factors); a factor for each token (T != b); = for += (gradients
// pre-filled).
#include "ops/residual.h"

#include "tests/ops/op_test.h"

namespace mvmoe {
namespace {

class ResidualTest : public OpTest {};
INSTANTIATE_TEST_SUITE_P(Table, ResidualTest, testing::ValuesIn(gradcheck::cases_of("residual")), case_name);
TEST_P(ResidualTest, ForwardAndGradientsMatchTheDefinition) { expect_matches_the_definition(); }
TEST_P(ResidualTest, EachGradientAlone) { expect_each_gradient_alone(); }

TEST(Residual, ADroppedBranchIsLeftOutExactly) {
  Bench b;
  const Var x = b.leaf({2, 3, 5}), branch = b.leaf(b.random({2, 3, 5}, 1));
  const Var y = residual(b.c, x, branch, b.tensor({2}, {0, 2}));
  const Tensor dy = b.random({2, 3, 5}, 2);
  b.c.tape.backward(y, dy);
  for (std::size_t i = 0; i < 15; ++i) {
    EXPECT_EQ(y.value()[i], x.value()[i]);
    EXPECT_EQ(branch.grad()[i], 0);
    EXPECT_EQ(branch.grad()[15 + i], 2 * dy[15 + i]);
  }
}

TEST(Residual, ErrorNamesBothShapes) {
  Bench b;
  EXPECT_EQ(message_of([&] {
              residual(b.c, b.constant({2, 3, 5}), b.constant({2, 1, 5}));
            }),
            "residual: branch is [2, 1, 5], x is [2, 3, 5]: branch must be [2, 3, 5]");
  EXPECT_EQ(message_of([&] {
              residual(b.c, b.constant({2, 3, 5}), b.constant({2, 3, 5}), b.zeros({3}));
            }),
            "residual: factors is [3], x is [2, 3, 5]: factors must be [2]");
}

}  // namespace
}  // namespace mvmoe
