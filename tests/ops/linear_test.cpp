// The fully connected layer. Wrong but plausible, and what shows it: weight read as [K, N] (K != N); dweight's factors
// swapped or a sum over one row only (several rows); dbias of the first row only, = for += (gradients pre-filled);
// the bias forgotten or added twice (random bias); the case without bias reads one (the table's "no bias").
#include "ops/linear.h"

#include "tests/ops/op_test.h"

namespace mvmoe {
namespace {

class LinearTest : public OpTest {};
INSTANTIATE_TEST_SUITE_P(Table, LinearTest, testing::ValuesIn(gradcheck::cases_of("linear")), case_name);
TEST_P(LinearTest, ForwardAndGradientsMatchTheDefinition) { expect_matches_the_definition(); }
TEST_P(LinearTest, EachGradientAlone) { expect_each_gradient_alone(); }

TEST(Linear, AgreesWithPyTorch) {
  expect_agrees_with_pytorch("linear", {"x", "weight", "bias"}, {},
                             [](Context& c, const std::vector<Var>& in) { return linear(c, in[0], in[1], in[2]); });
}

TEST(Linear, ErrorNamesBothShapes) {
  Bench b;
  EXPECT_EQ(message_of([&] {
              linear(b.c, b.constant({6, 5}), b.constant({7, 4}), {});
            }),
            "linear: weight is [7, 4], x is [6, 5]: weight must be [7, 5]");
  EXPECT_EQ(message_of([&] {
              linear(b.c, b.constant({6, 5}), b.constant({7, 5}), b.constant({6}));
            }),
            "linear: bias is [6], weight is [7, 5]: bias must be [7]");
}

TEST(Linear, NobodyWantsAGradientAndNothingIsRecorded) {
  Bench b;
  const Var y = linear(b.c, b.constant({6, 5}), b.constant({7, 5}), b.constant({7}));
  EXPECT_FALSE(y.wants_grad());
  EXPECT_EQ(b.c.tape.entries(), 0);
}

TEST(Linear, NotANumberStaysInItsRow) {
  for (const Kernels kernels : {Kernels::fast, Kernels::plain}) {
    Bench b(kernels);
    const Tensor x = b.random({3, 5});
    x.row(1)[2] = NAN;
    const Tensor y = linear(b.c, b.constant(x), b.constant({7, 5}), b.constant({7})).value();
    EXPECT_TRUE(all_nan(y.outer_slice(1, 1)));
    EXPECT_TRUE(all_finite(y.outer_slice(0, 1)) && all_finite(y.outer_slice(2, 1)));
  }
}

}  // namespace
}  // namespace mvmoe
