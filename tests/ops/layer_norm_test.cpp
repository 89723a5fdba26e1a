// Layer norm. Wrong but plausible, and what shows it: gamma left out or indexed by row (gamma random, R != D); a mean
// dropped from dx (dy random, D small); n's mean divided by D - 1 (any D of the table); eps forgotten or added after
// the root (the case of eps 0.5); = for += (gradients pre-filled); one-pass variance (x + 1000); the mean of the row
// before (several rows).
#include "ops/layer_norm.h"

#include "tests/ops/op_test.h"

namespace mvmoe {
namespace {

class LayerNormTest : public OpTest {};
INSTANTIATE_TEST_SUITE_P(Table, LayerNormTest, testing::ValuesIn(gradcheck::cases_of("layer_norm")), case_name);
TEST_P(LayerNormTest, ForwardAndGradientsMatchTheDefinition) { expect_matches_the_definition(); }
TEST_P(LayerNormTest, EachGradientAlone) { expect_each_gradient_alone(); }

TEST(LayerNorm, AgreesWithPyTorch) {
  expect_agrees_with_pytorch("layer_norm", {"x", "gamma", "beta"}, {}, [](Context& c, const std::vector<Var>& in) {
    return layer_norm(c, in[0], in[1], in[2], 1e-6f);
  });
}

// A single number is its own mean: y is beta whatever x is, so the gradient in x is not small but exactly zero.
TEST(LayerNorm, WidthOneHasExactlyNoGradientInX) {
  Bench b;
  const Var x = b.leaf({5, 1}), gamma = b.leaf({1}), beta = b.leaf({1});
  const Var y = layer_norm(b.c, x, gamma, beta);
  b.c.tape.backward(y, b.random({5, 1}, 1));
  for (int r = 0; r < 5; ++r) {
    EXPECT_EQ(y.value().row(r)[0], beta.value()[0]);
    EXPECT_EQ(x.grad().row(r)[0], 0);
  }
  EXPECT_EQ(gamma.grad()[0], 0);
  EXPECT_GT(std::abs(beta.grad()[0]), 0.1f);
}

// Of two numbers n is +1 and -1 but for eps: with h half their distance, dn/dx = eps / (2 (h^2 + eps)^1.5) and its
// negative. The true gradient is about 1e-6 here, so what is asked is that it is as small, not which digits it has.
TEST(LayerNorm, WidthTwoHasAGradientOfTheSizeOfEps) {
  Bench b;
  const Var x = b.leaf(b.tensor({2, 2}, {1, -1, 0.5f, 3})), gamma = b.leaf(b.tensor({2}, {0.7f, -1.3f})),
            beta = b.leaf({2});
  const Var y = layer_norm(b.c, x, gamma, beta);
  b.c.tape.backward(y, b.tensor({2, 2}, {1, 2, -0.5f, 0.7f}));
  EXPECT_LT(largest_of(x.grad()), 3e-6f);
  EXPECT_GT(largest_of(gamma.grad()), 0.1f);
}

// With a large eps the same formula has an ordinary gradient at width 2, and the definition must be met.
TEST(LayerNorm, WidthTwoWithALargeEps) {
  gradcheck::Case c = gradcheck::cases_of("layer_norm")[0];
  c.inputs = {{"x", {3, 2}}, {"gamma", {2}}, {"beta", {2}}};
  c.record = [](Context& context, const gradcheck::Vars& in) { return layer_norm(context, in[0], in[1], in[2], 0.5f); };
  c.reference = [](const gradcheck::Arrays& in) { return reference::layer_norm(in[0], in[1], in[2], 0.5); };
  for (const std::uint64_t seed : {1, 2, 3}) expect_passed(c, seed);
}

// At 1000 floats are 6e-5 apart, and so is the mean of such numbers off by some of these steps: 1e-4 of y is what fp32
// can give. E[x^2] - m^2, of numbers near 1e6 which are 0.06 apart, would miss by 1e-2 and more.
TEST(LayerNorm, LargeMeanKeepsItsDigits) {
  Bench b;
  const Tensor x = b.random({4, 192});
  for (std::size_t i = 0; i < x.size(); ++i) x[i] += 1000;
  const Tensor gamma = b.random({192}, 1), beta = b.random({192}, 2);
  const Tensor y = layer_norm(b.c, b.constant(x), b.constant(gamma), b.constant(beta)).value();
  using reference::Array;
  const Array must_be = reference::layer_norm(Array(x), Array(gamma), Array(beta), 1e-6);
  const double largest = gradcheck::largest_entry(must_be);
  for (std::size_t i = 0; i < y.size(); ++i)
    EXPECT_TRUE(std::abs(y[i] - must_be.values[i]) <= 1e-4 * largest) << i << ": " << y[i];
}

TEST(LayerNorm, NotANumberFillsItsRowAndNoOther) {
  for (const int at : {0, 1, 17, 32}) {
    Bench b;
    const Tensor x = b.random({3, 33});
    x.row(1)[at] = NAN;
    const Var vx = b.leaf(x);
    const Var y = layer_norm(b.c, vx, b.constant({33}), b.constant({33}));
    b.c.tape.backward(y, b.random({3, 33}, 1));
    for (const Tensor& t : {y.value(), vx.grad()}) {
      EXPECT_TRUE(all_nan(t.outer_slice(1, 1)));
      EXPECT_TRUE(all_finite(t.outer_slice(0, 1)) && all_finite(t.outer_slice(2, 1)));
    }
  }
}

TEST(LayerNorm, ErrorNamesBothShapes) {
  Bench b;
  EXPECT_EQ(message_of([&] {
              layer_norm(b.c, b.constant({8, 65, 64}), b.constant({192}), b.constant({64}));
            }),
            "layer_norm: gamma is [192], x is [8, 65, 64]: gamma must be [64]");
  EXPECT_EQ(message_of([&] {
              layer_norm(b.c, b.constant({8, 65, 64}), b.constant({64}), b.constant({1, 64}));
            }),
            "layer_norm: beta is [1, 64], x is [8, 65, 64]: beta must be [64]");
}

}  // namespace
}  // namespace mvmoe
