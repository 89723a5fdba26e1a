// Attention. Wrong but plausible, and what shows it: 1 / sqrt(D) for 1 / sqrt(d) (two heads); q, k, v in another order,
// heads interleaved (PyTorch's values); softmax's backward without the row sum, invisible for a cotangent of ones (dy
// random); dk without its factor, dK and dQ swapped (the table, Tq != T); a head or an image read twice (three of
// each); = for += (gradients pre-filled); a softmax that does not take off the largest (huge scores).
#include "ops/attention.h"

#include "tests/ops/op_test.h"

namespace mvmoe {
namespace {

class AttentionTest : public OpTest {};
INSTANTIATE_TEST_SUITE_P(Table, AttentionTest, testing::ValuesIn(gradcheck::cases_of("attention")), case_name);
TEST_P(AttentionTest, ForwardAndGradientsMatchTheDefinition) { expect_matches_the_definition(); }
TEST_P(AttentionTest, EachGradientAlone) { expect_each_gradient_alone(); }

TEST(Attention, AgreesWithPyTorch) {
  expect_agrees_with_pytorch("attention", {"qkv"}, {},
                             [](Context& c, const std::vector<Var>& in) { return attention(c, in[0], 2); });
}

// The forward without gradients, where heads are whole vectors: more queries than a block has, one, a last vector that
// is not full, several blocks; a head wider than a tile.
TEST(Attention, WithoutGradientsIsTheDefinition) {
  Bench b;
  for (const int d : {16, 32, 80})
    for (const int tokens : {1, 5, 16, 70, 197}) {
      const Tensor x = b.random({2, tokens, 3 * 2 * d}), q = b.random({2, 1, 2 * d}, 1),
                   kv = b.random({2, tokens, 2 * 2 * d}, 2);
      const auto expect = [&](Tensor y, const reference::Array& must_be) {
        for (std::size_t i = 0; i < y.size(); ++i)
          ASSERT_NEAR(y[i], must_be.values[i], 1e-5) << "d " << d << ", " << tokens << " tokens, " << i;
      };
      expect(attention(b.c, b.constant(x), 2).value(), reference::attention(reference::Array(x), 2));
      expect(attention(b.c, b.constant(q), b.constant(kv), 2).value(),
             reference::attention(reference::Array(q), reference::Array(kv), 2));
    }
}

TEST(Attention, WithoutGradientsHugeScoresStayFinite) {
  Bench b;
  const Tensor x = b.random({1, 20, 3 * 32});
  for (int r = 0; r < x.rows(); ++r)
    for (int i = 0; i < 2 * 32; ++i) x.row(r)[i] *= 100;
  const Tensor y = attention(b.c, b.constant(x), 2).value();
  const reference::Array must_be = reference::attention(reference::Array(x), 2);
  for (std::size_t i = 0; i < y.size(); ++i) EXPECT_NEAR(y[i], must_be.values[i], 1e-4);
}

constexpr int T = 7, D = 6, H = 2;

TEST(Attention, HugeScoresPickOneTokenAndStayFinite) {
  for (const int d : {3, 16}) {  // by products; by tiles
    Bench b;
    const Tensor x = b.random({2, T, 3 * H * d});
    for (int r = 0; r < x.rows(); ++r)
      for (int i = 0; i < 2 * H * d; ++i) x.row(r)[i] *= 100;  // queries and keys: scores of about 1e4
    const Var qkv = b.leaf(x), y = attention(b.c, qkv, H);
    b.c.tape.backward(y, b.random({2, T, H * d}, 1));
    EXPECT_TRUE(all_finite(y.value()) && all_finite(qkv.grad()));
    const reference::Array must_be = reference::attention(reference::Array(x), H);
    for (std::size_t i = 0; i < y.value().size(); ++i) EXPECT_NEAR(y.value()[i], must_be.values[i], 1e-5);
  }
}

// The same vector on every key adds one number to all scores of a query, which softmax ignores. So does its backward:
// the gradient of a bias on the keys, the sum of dk over the tokens, is zero (Adam makes steps of its rounding noise).
TEST(Attention, AConstantOnTheKeysChangesNothing) {
  Bench b;
  const Tensor x = b.random({2, T, 3 * D}), moved = b.zeros({2, T, 3 * D});
  moved.copy_from(x);
  for (int r = 0; r < x.rows(); ++r)
    for (int i = D; i < 2 * D; ++i) moved.row(r)[i] += 0.25f * static_cast<float>(i - D) - 0.5f;
  const Var qkv = b.leaf(x), y = attention(b.c, qkv, H);
  expect_close(attention(b.c, b.constant(moved), H).value(), y.value(), 1e-6, "y");
  b.c.tape.backward(y, b.random({2, T, D}, 1));
  for (int i = D; i < 2 * D; ++i) {
    double sum = 0, size = 0;
    for (int r = 0; r < x.rows(); ++r) sum += qkv.grad().row(r)[i], size += std::abs(qkv.grad().row(r)[i]);
    EXPECT_GT(size, 0.1);
    EXPECT_LE(std::abs(sum), 1e-6 * size) << "column " << i;
  }
}

TEST(Attention, ImagesDoNotSeeEachOther) {
  Bench b;
  const Tensor x = b.random({3, T, 3 * D});
  const Tensor together = attention(b.c, b.constant(x), H).value();
  for (int i = 0; i < 3; ++i) {
    const Tensor alone = attention(b.c, b.constant(x.outer_slice(i, 1)), H).value();
    for (std::size_t j = 0; j < alone.size(); ++j) EXPECT_EQ(alone[j], together.outer_slice(i, 1)[j]);
  }
}

TEST(Attention, AQueryAloneIsItsRowOfTheWhole) {
  Bench b;
  const Tensor x = b.random({2, T, 3 * D}), q = b.zeros({2, 1, D}), kv = b.zeros({2, T, 2 * D});
  for (int i = 0; i < 2; ++i) {
    for (int e = 0; e < D; ++e) q.row(i)[e] = x.row(i * T)[e];
    for (int t = 0; t < T; ++t)
      for (int e = 0; e < 2 * D; ++e) kv.row(i * T + t)[e] = x.row(i * T + t)[D + e];
  }
  const Tensor whole = attention(b.c, b.constant(x), H).value(),
               one = attention(b.c, b.constant(q), b.constant(kv), H).value();
  for (int i = 0; i < 2; ++i)
    for (int e = 0; e < D; ++e) EXPECT_NEAR(one.row(i)[e], whole.row(i * T)[e], 1e-6);
}

// In a query: that query's row in that head. In a key: all rows of the head, for every query looks at it. Never the
// other image.
TEST(Attention, NotANumberReachesWhoReadsIt) {
  for (const int token : {0, 3, T - 1}) {
    Bench b;
    const Tensor in_query = b.random({2, T, 3 * D}), in_key = b.random({2, T, 3 * D});
    in_query.row(token)[0] = NAN;
    in_key.row(token)[D] = NAN;
    const Tensor yq = attention(b.c, b.constant(in_query), H).value(),
                 yk = attention(b.c, b.constant(in_key), H).value();
    for (int t = 0; t < 2 * T; ++t)
      for (int e = 0; e < D; ++e) {
        EXPECT_EQ(std::isnan(yq.row(t)[e]), t == token && e < D / H);
        EXPECT_EQ(std::isnan(yk.row(t)[e]), t < T && e < D / H);
      }
  }
}

TEST(Attention, ErrorsNameTheShapes) {
  Bench b;
  EXPECT_EQ(message_of([&] {
              attention(b.c, b.constant({2, 5, 8}), 2);
            }),
            "attention: qkv is [2, 5, 8], must be [b, T, 3D]");
  EXPECT_EQ(message_of([&] { attention(b.c, b.constant({5, 9}), 3); }), "attention: qkv is [5, 9], must be [b, T, 3D]");
  EXPECT_EQ(message_of([&] {
              attention(b.c, b.constant({2, 5, 12}), 3);
            }),
            "attention: the width 4 is not divided by 3 heads");
  EXPECT_EQ(message_of([&] {
              attention(b.c, b.constant({2, 5, 12}), 0);
            }),
            "attention: the width 4 is not divided by 0 heads");
  EXPECT_EQ(message_of([&] {
              attention(b.c, b.constant({2, 4}), b.constant({2, 5, 8}), 2);
            }),
            "attention: q is [2, 4] and kv is [2, 5, 8], must be [b, Tq, D] and [b, T, 2D]");
  EXPECT_EQ(message_of([&] {
              attention(b.c, b.constant({2, 1, 4}), b.constant({3, 5, 8}), 2);
            }),
            "attention: kv is [3, 5, 8], q is [2, 1, 4]: kv must be [2, 5, 8]");
}

}  // namespace
}  // namespace mvmoe
