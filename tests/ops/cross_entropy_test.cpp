// Cross-entropy with soft targets. Wrong but plausible, and what shows it: a mean for the sum (three images); the
// targets' sum taken for 1 (the case of any weights); the loss's own gradient ignored (dy is not 1); a log of 0 (huge
// logits); 0 * -inf in the loss (logits of -inf); a NaN that the largest swallows (the last test); = for +=.
#include "ops/cross_entropy.h"

#include "tests/ops/op_test.h"

namespace mvmoe {
namespace {

class CrossEntropyTest : public OpTest {};
INSTANTIATE_TEST_SUITE_P(Table, CrossEntropyTest, testing::ValuesIn(gradcheck::cases_of("cross_entropy")), case_name);
TEST_P(CrossEntropyTest, ForwardAndGradientsMatchTheDefinition) { expect_matches_the_definition(); }

// losses [4] is one number an image; ours is their sum, and each image's own when it is alone.
TEST(CrossEntropy, AgreesWithPyTorch) {
  Bench b;
  const Golden golden(golden_ops);
  const Tensor z = golden.read(b, "cross_entropy.logits"), targets = golden.read(b, "cross_entropy.targets");
  const Tensor losses = golden.read(b, "cross_entropy.losses");
  const Var logits = b.leaf(z), loss = cross_entropy(b.c, logits, targets);
  float sum = 0;
  for (int i = 0; i < 4; ++i) {
    const float of_image = cross_entropy(b.c, b.constant(z.outer_slice(i, 1)), targets.outer_slice(i, 1)).item();
    EXPECT_NEAR(of_image, losses.data()[i], 1e-5f * losses.data()[i]);
    sum += losses.data()[i];
  }
  EXPECT_NEAR(loss.item(), sum, 1e-5f * sum);
  b.c.tape.backward(loss, 1);
  expect_close(logits.grad(), golden.read(b, "cross_entropy.dlogits"), 1e-5, "dlogits");
}

TEST(CrossEntropy, HugeLogitsStayFinite) {
  Bench b;
  const Var logits = b.leaf(b.tensor({2, 3}, {1e4f, -1e4f, 0, -1e4f, -1e4f, -1e4f}));
  const Var loss = cross_entropy(b.c, logits, b.tensor({2, 3}, {0, 1, 0, 0.5f, 0.25f, 0.25f}));
  b.c.tape.backward(loss, 1);
  EXPECT_FLOAT_EQ(loss.item(), 2e4f + std::log(3.0f));
  const float must_be[] = {1, -1, 0, 1 / 3.0f - 0.5f, 1 / 3.0f - 0.25f, 1 / 3.0f - 0.25f};
  for (std::size_t i = 0; i < 6; ++i) EXPECT_NEAR(logits.grad()[i], must_be[i], 1e-6) << i;
}

// A class ruled out by a logit of -inf costs nothing where nobody wants it, and gets no gradient.
TEST(CrossEntropy, AClassRuledOutIsLeftOut) {
  for (const float out : {-INFINITY, -3e38f}) {
    Bench b;
    const Var logits = b.leaf(b.tensor({1, 4}, {0.5f, out, -0.25f, 1}));
    const Var loss = cross_entropy(b.c, logits, b.tensor({1, 4}, {0.25f, 0, 0.25f, 0.5f}));
    b.c.tape.backward(loss, 1);
    const Var without = b.leaf(b.tensor({1, 3}, {0.5f, -0.25f, 1}));
    const float must_be = cross_entropy(b.c, without, b.tensor({1, 3}, {0.25f, 0.25f, 0.5f})).item();
    EXPECT_FLOAT_EQ(loss.item(), must_be);
    EXPECT_EQ(logits.grad()[1], 0);
    EXPECT_TRUE(all_finite(logits.grad()));
  }
}

TEST(CrossEntropy, ADistributionsGradientSumsToZero) {
  Bench b;
  const Tensor targets = b.zeros({3, 7});
  gradcheck::draw(3, 1, gradcheck::Draw::distribution, targets);
  const Var logits = b.leaf({3, 7});
  b.c.tape.backward(cross_entropy(b.c, logits, targets), 1);
  for (int r = 0; r < 3; ++r) {
    double sum = 0;
    for (int i = 0; i < 7; ++i) sum += logits.grad().row(r)[i];
    EXPECT_NEAR(sum, 0, 1e-6);
  }
}

TEST(CrossEntropy, NotANumberReachesTheLossAndItsRow) {
  for (const int at : {0, 3, 6}) {
    Bench b;
    const Tensor z = b.random({3, 7}), targets = b.zeros({3, 7});
    gradcheck::draw(3, 1, gradcheck::Draw::distribution, targets);
    z.row(1)[at] = NAN;
    const Var logits = b.leaf(z), loss = cross_entropy(b.c, logits, targets);
    b.c.tape.backward(loss, 1);
    EXPECT_TRUE(std::isnan(loss.item()));
    EXPECT_TRUE(all_nan(logits.grad().outer_slice(1, 1)));
    EXPECT_TRUE(all_finite(logits.grad().outer_slice(0, 1)) && all_finite(logits.grad().outer_slice(2, 1)));
  }
}

TEST(CrossEntropy, ErrorNamesBothShapes) {
  Bench b;
  EXPECT_EQ(message_of([&] {
              cross_entropy(b.c, b.constant({4, 9}), b.zeros({4, 10}));
            }),
            "cross_entropy: targets is [4, 10], logits is [4, 9]: targets must be [4, 9]");
}

TEST(CrossEntropy, NobodyWantsAGradientAndNothingIsRecorded) {
  Bench b;
  EXPECT_FALSE(cross_entropy(b.c, b.constant({4, 9}), b.zeros({4, 9})).wants_grad());
  EXPECT_EQ(b.c.tape.entries(), 0);
}

}  // namespace
}  // namespace mvmoe
