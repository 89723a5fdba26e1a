// Views: another shape for the same memory, value and gradient. Wrong but plausible, and what shows it: a view with a
// gradient of its own, which nobody hands on (the table: one variable read as itself and through two views); a view of
// a view that loses the first (the same); a gradient that is not zero when first asked for, because the pool gave it
// another's memory (ManyGradientsPassThroughThePool).
#include "ops/gelu.h"
#include "ops/residual.h"
#include "tests/ops/op_test.h"

namespace mvmoe {
namespace {

class ViewTest : public OpTest {};
INSTANTIATE_TEST_SUITE_P(Table, ViewTest, testing::ValuesIn(gradcheck::cases_of("view")), case_name);
TEST_P(ViewTest, ForwardAndGradientsMatchTheDefinition) { expect_matches_the_definition(); }

TEST(View, SharesValueAndGradient) {
  Bench b;
  const Var x = b.leaf({2, 3, 5}), flat = b.c.tape.view(x, {6, 5}), again = b.c.tape.view(flat, {30});
  EXPECT_EQ(again.value().data(), x.value().data());
  EXPECT_EQ(again.grad().data(), x.grad().data());
  EXPECT_EQ(again.shape(), Shape({30}));
  EXPECT_EQ(again.grad().shape(), Shape({30}));
  const Var still = b.c.tape.view(b.constant({2, 3}), {6});
  EXPECT_FALSE(still.wants_grad());
  EXPECT_TRUE(still.grad().empty());
}

TEST(View, ErrorNamesBothShapes) {
  Bench b;
  EXPECT_EQ(message_of([&] {
              b.c.tape.view(b.constant({2, 3}), {7});
            }),
            "reshape: [2, 3] cannot become [7]: the number of elements differs");
}

// x + x + ... through ten sums of one shape: each gradient but the leaf's comes from the pool, and must come empty.
TEST(View, ManyGradientsPassThroughThePool) {
  Bench b;
  const Var x = b.leaf({1, 2, 3});
  Var sum = x;
  for (int i = 0; i < 10; ++i) sum = residual(b.c, b.c.tape.view(sum, {1, 2, 3}), x);
  const Tensor dy = b.random({1, 2, 3}, 1);
  b.c.tape.backward(sum, dy);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_FLOAT_EQ(x.grad()[i], 11 * dy[i]);
}

}  // namespace
}  // namespace mvmoe
