// The Gaussian error linear unit. Wrong but plausible, and what shows it: the tanh approximation, off by up to 5e-4
// (every comparison); the derivative without x phi(x), or with phi squared (the table); = for += (gradients
// pre-filled); Phi mirrored at 0, or 1 - tail on the wrong side (the sweep); a NaN that a comparison swallows (the last
// test).
#include "ops/gelu.h"

#include <numbers>

#include "tests/ops/op_test.h"

namespace mvmoe {
namespace {

class GeluTest : public OpTest {};
INSTANTIATE_TEST_SUITE_P(Table, GeluTest, testing::ValuesIn(gradcheck::cases_of("gelu")), case_name);
TEST_P(GeluTest, ForwardAndGradientsMatchTheDefinition) { expect_matches_the_definition(); }

TEST(Gelu, AgreesWithPyTorch) {
  expect_agrees_with_pytorch("gelu", {"x"}, {}, [](Context& c, const std::vector<Var>& in) { return gelu(c, in[0]); });
}

// y and dx for given x, dy being 1.
struct Curve {
  Bench bench;
  Tensor x, y, dx;
  explicit Curve(std::vector<float> at) {
    const Shape shape{static_cast<int>(at.size())};
    const Var v = bench.leaf(bench.tensor(shape, at)), out = gelu(bench.c, v);
    bench.c.tape.backward(out, bench.tensor(shape, std::vector<float>(at.size(), 1)));
    x = v.value(), y = out.value(), dx = v.grad();
  }
};

TEST(Gelu, TheWholeCurveIsTheDefinition) {
  std::vector<float> at;
  for (int i = -12 * 64; i <= 12 * 64; ++i) at.push_back(static_cast<float>(i) / 64);
  const Curve curve(at);
  for (std::size_t i = 0; i < at.size(); ++i) {
    const double x = at[i], below = 0.5 * std::erfc(-x / std::numbers::sqrt2);
    const double density = std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi);
    EXPECT_TRUE(std::abs(curve.y[i] - x * below) <= 3e-7 * std::max(1.0, x)) << "y(" << x << ") is " << curve.y[i];
    EXPECT_TRUE(std::abs(curve.dx[i] - (below + x * density)) <= 3e-7) << "dx(" << x << ") is " << curve.dx[i];
  }
}

// Far out gelu is x or 0, exactly; nothing overflows on the way, and x of 1e33 and more finds no density left to
// multiply.
TEST(Gelu, FarTails) {
  const Curve curve({20, 100, 1e20f, 3e38f, -20, -100, -1e20f, -3e38f});
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(curve.y[i], curve.x[i]);
    EXPECT_EQ(curve.dx[i], 1);
    EXPECT_EQ(curve.y[i + 4], 0) << curve.x[i + 4];
    EXPECT_EQ(curve.dx[i + 4], 0) << curve.x[i + 4];
  }
}

TEST(Gelu, NotANumberStaysAtItsPlace) {
  for (std::size_t at = 0; at < 33; ++at) {
    std::vector<float> x(33, 0.5f);
    x[at] = NAN;
    const Curve curve(x);
    for (std::size_t i = 0; i < 33; ++i) {
      EXPECT_EQ(std::isnan(curve.y[i]), i == at);
      EXPECT_EQ(std::isnan(curve.dx[i]), i == at);
    }
  }
}

TEST(Gelu, NobodyWantsAGradientAndNothingIsRecorded) {
  Bench b;
  EXPECT_FALSE(gelu(b.c, b.constant({3, 5})).wants_grad());
  EXPECT_EQ(b.c.tape.entries(), 0);
}

}  // namespace
}  // namespace mvmoe
