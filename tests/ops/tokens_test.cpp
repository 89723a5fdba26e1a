// Class token, positions, pooling. Wrong but plausible, and what shows it: the class token last, or without a position;
// positions off by one (all random); dclass or dpositions from one image only (several images); select_token's gradient
// on another token (token 2 of 3); mean_tokens over all tokens, or divided by all of them (first = 1); = for +=.
#include "ops/tokens.h"

#include "tests/ops/op_test.h"

namespace mvmoe {
namespace {

class EmbedTokensTest : public OpTest {};
INSTANTIATE_TEST_SUITE_P(Table, EmbedTokensTest, testing::ValuesIn(gradcheck::cases_of("embed_tokens")), case_name);
TEST_P(EmbedTokensTest, ForwardAndGradientsMatchTheDefinition) { expect_matches_the_definition(); }
TEST_P(EmbedTokensTest, EachGradientAlone) { expect_each_gradient_alone(); }

class SelectTokenTest : public OpTest {};
INSTANTIATE_TEST_SUITE_P(Table, SelectTokenTest, testing::ValuesIn(gradcheck::cases_of("select_token")), case_name);
TEST_P(SelectTokenTest, ForwardAndGradientsMatchTheDefinition) { expect_matches_the_definition(); }

class MeanTokensTest : public OpTest {};
INSTANTIATE_TEST_SUITE_P(Table, MeanTokensTest, testing::ValuesIn(gradcheck::cases_of("mean_tokens")), case_name);
TEST_P(MeanTokensTest, ForwardAndGradientsMatchTheDefinition) { expect_matches_the_definition(); }

TEST(SelectToken, TheOtherTokensGetExactlyNothing) {
  Bench b;
  const Var x = b.leaf({2, 4, 3}), y = select_token(b.c, x, 2);
  b.c.tape.backward(y, b.random({2, 1, 3}, 1));
  for (int r = 0; r < 8; ++r)
    for (int e = 0; e < 3; ++e) EXPECT_EQ(x.grad().row(r)[e] != 0, r % 4 == 2) << "row " << r;
}

TEST(Tokens, ErrorsNameTheShapes) {
  Bench b;
  EXPECT_EQ(message_of([&] {
              embed_tokens(b.c, b.constant({2, 4}), b.constant({1, 1, 4}), b.constant({1, 5, 4}));
            }),
            "embed_tokens: patches is [2, 4], must be [b, N, D]");
  EXPECT_EQ(message_of([&] {
              embed_tokens(b.c, b.constant({2, 4, 6}), b.constant({1, 1, 5}), b.constant({1, 5, 6}));
            }),
            "embed_tokens: class_token is [1, 1, 5], patches is [2, 4, 6]: class_token must be [1, 1, 6]");
  EXPECT_EQ(message_of([&] {
              embed_tokens(b.c, b.constant({2, 4, 6}), b.constant({1, 1, 6}), b.constant({1, 4, 6}));
            }),
            "embed_tokens: positions is [1, 4, 6], patches is [2, 4, 6]: positions must be [1, 5, 6]");
  EXPECT_EQ(message_of([&] {
              select_token(b.c, b.constant({2, 4, 6}), 4);
            }),
            "select_token: x is [2, 4, 6], has no token 4");
  EXPECT_EQ(message_of([&] {
              select_token(b.c, b.constant({2, 4, 6}), -1);
            }),
            "select_token: x is [2, 4, 6], has no token -1");
  EXPECT_EQ(message_of([&] {
              mean_tokens(b.c, b.constant({2, 4, 6}), 4);
            }),
            "mean_tokens: x is [2, 4, 6], has no tokens from 4 on");
}

TEST(Tokens, NobodyWantsAGradientAndNothingIsRecorded) {
  Bench b;
  const Var x = embed_tokens(b.c, b.constant({2, 4, 6}), b.constant({1, 1, 6}), b.constant({1, 5, 6}));
  EXPECT_FALSE(select_token(b.c, x, 0).wants_grad());
  EXPECT_FALSE(mean_tokens(b.c, x, 1).wants_grad());
  EXPECT_EQ(b.c.tape.entries(), 0);
}

}  // namespace
}  // namespace mvmoe
