// Routing, experts and balance losses: the table of gradients, the method's known answers, and choices told by hand.
// Wrong but plausible, and what shows it: CV by the sample's deviation (the known answers), gates compared with a
// threshold among logits (the load), an expert that nobody chose touched (exact zero), ranks filled item by item
// instead of choice by choice (the capacity's story), a NaN at perfect balance.
#include <gtest/gtest.h>

#include "ops/cv_squared.h"
#include "ops/dispatch.h"
#include "ops/gate.h"
#include "ops/grouped_linear.h"
#include "ops/load_sum.h"
#include "ops/route.h"
#include "ops/sum_of_rows.h"
#include "ops/switch_loss.h"
#include "ops/z_loss.h"
#include "tests/ops/op_test.h"
#include "tools/gradcheck/sparse_cases.h"

namespace mvmoe {
namespace {

class SparseTest : public OpTest {};
std::string sparse_name(const testing::TestParamInfo<gradcheck::Case>& info) {
  return info.param.op + "_" + case_name(info);
}
INSTANTIATE_TEST_SUITE_P(Table, SparseTest, testing::ValuesIn(gradcheck::sparse_cases()), sparse_name);
TEST_P(SparseTest, ForwardAndGradientsMatchTheDefinition) { expect_matches_the_definition(); }
TEST_P(SparseTest, EachGradientAlone) { expect_each_gradient_alone(); }

const std::vector<float> gates_of_the_method{.5f, .4f, .1f, .3f, .3f, .4f, .1f, .2f, .7f, .8f, .2f, 0};

TEST(Balance, KnownAnswers) {
  Bench b;
  const Var gates = b.leaf(b.tensor({4, 3}, gates_of_the_method));
  EXPECT_NEAR(cv_squared(b.c, sum_of_rows(b.c, gates)).item(), 0.03874999, 1e-7);
  EXPECT_NEAR(switch_loss(b.c, gates).item(), 1.0875, 1e-6);
  const Var logits = b.leaf(b.tensor({3, 3}, {.9f, .06f, .04f, .7f, .18f, .12f, .85f, .05f, .1f}));
  const Tensor noise = b.tensor({3, 3}, {-.037f, .026f, -.018f, -.074f, .045f, -.015f, -.067f, -.059f, .073f});
  EXPECT_NEAR(cv_squared(b.c, load_sum(b.c, logits, noise, 2, 0.1f)).item(), 0.4857386, 2e-6);
}

TEST(Balance, PerfectBalanceIsZeroWithAFiniteGradient) {
  Bench b;
  const Var p = b.leaf(b.tensor({2, 4}, std::vector<float>(8, 0.25f))), loss = cv_squared(b.c, sum_of_rows(b.c, p));
  EXPECT_EQ(loss.item(), 0);
  EXPECT_NEAR(switch_loss(b.c, p).item(), 1, 1e-6);
  b.c.tape.backward(loss, 1.0f);
  for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(p.grad()[i], 0);
}

TEST(Balance, OneExpertForAllIsTheWorst) {
  Bench b;
  const Var p = b.leaf(b.tensor({2, 3}, {1, 0, 0, 1, 0, 0}));
  EXPECT_NEAR(cv_squared(b.c, sum_of_rows(b.c, p)).item(), 2, 1e-6);  // E - 1
  const Var loss = switch_loss(b.c, p);
  EXPECT_NEAR(loss.item(), 3, 1e-6);  // E
  b.c.tape.backward(loss, 1.0f);
  EXPECT_NEAR(p.grad()[0], 1.5, 1e-6);
  EXPECT_EQ(p.grad()[1], 0);
}

std::vector<int> taken(const Assignments& a, int expert) {
  return {a.item + a.begin[expert], a.item + a.begin[expert + 1]};
}

// Four items, three experts, two choices each; each expert takes two. All first choices come before any second.
TEST(Route, FirstChoicesFillBeforeSecondOnes) {
  Bench b;
  const Tensor gates = b.tensor({4, 3}, {.6f, .3f, .1f, .5f, .4f, .1f, .9f, .1f, 0, .1f, .7f, .2f});
  int chosen[8];
  top_k(gates, 2, chosen);
  EXPECT_EQ((std::vector<int>{chosen, chosen + 8}), (std::vector<int>{0, 1, 0, 1, 0, 1, 1, 2}));
  const Assignments unlimited = assign(b.c.arena, gates, chosen, 2, {});
  EXPECT_EQ(taken(unlimited, 0), (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(taken(unlimited, 1), (std::vector<int>{3, 0, 1, 2}));
  const Assignments in_order = assign(b.c.arena, gates, chosen, 2, {.per_expert = 2});
  EXPECT_EQ(taken(in_order, 0), (std::vector<int>{0, 1}));  // item 2 comes too late
  EXPECT_EQ(taken(in_order, 1), (std::vector<int>{3, 0}));  // item 3's first choice before item 0's second
  EXPECT_EQ(taken(in_order, 2), (std::vector<int>{3}));
  const Assignments by_priority = assign(b.c.arena, gates, chosen, 2, {.per_expert = 2, .by_priority = true});
  EXPECT_EQ(taken(by_priority, 0), (std::vector<int>{2, 0}));  // .9 and .6 before .5
  EXPECT_EQ(taken(by_priority, 1), (std::vector<int>{3, 2}));
}

TEST(Route, TiesGoToTheLowerExpertAndEachIsChosenOnce) {
  Bench b;
  int chosen[4];
  top_k(b.tensor({1, 4}, {.25f, .25f, .25f, .25f}), 4, chosen);
  EXPECT_EQ((std::vector<int>{chosen, chosen + 4}), (std::vector<int>{0, 1, 2, 3}));
  EXPECT_EQ(message_of([&] {
              top_k(b.zeros({1, 4}), 5, chosen);
            }),
            "top_k: k is 5, must be from 1 to the number of experts, 4");
}

TEST(Route, ExpertsChooseTheirBestItems) {
  Bench b;
  const Tensor gates = b.tensor({3, 2}, {.9f, .1f, .4f, .6f, .7f, .3f});
  const Assignments a = assign_by_expert_choice(b.c.arena, gates, 2);
  EXPECT_EQ(taken(a, 0), (std::vector<int>{0, 2}));
  EXPECT_EQ(taken(a, 1), (std::vector<int>{1, 2}));
}

// Two images of three tokens: items 0 and 3 are their first ones.
TEST(Route, OfFirstTokensAloneTheOrderStays) {
  Bench b;
  const int chosen[6] = {2, 0, 0, 0, 2, 1};
  const Assignments a = every_nth(b.c.arena, assign(b.c.arena, b.zeros({6, 3}), chosen, 1, {}), 3);
  EXPECT_EQ(a.items, 2);
  EXPECT_EQ(a.count, 2);
  EXPECT_EQ(taken(a, 0), (std::vector<int>{1}));
  EXPECT_EQ(taken(a, 1), (std::vector<int>{}));
  EXPECT_EQ(taken(a, 2), (std::vector<int>{0}));
}

TEST(Route, CapacityIsCeiledAndAtLeastOne) {
  EXPECT_EQ(capacity_for(100, 1, 10, 1.05f), 11);
  EXPECT_EQ(capacity_for(1000, 1, 10, 1.05f), 105);  // not 106, for a float that is a little above
  EXPECT_EQ(capacity_for(1, 1, 10, 0.5f), 1);
}

// Nobody chose expert 1: its rows of the gradient are not touched, not even by a rounding; an item nobody took gets 0.
TEST(Experts, WhatNobodyChoseHasAnExactZero) {
  Bench b;
  int chosen[3] = {0, 2, 0};
  const Assignments a = assign(b.c.arena, b.zeros({3, 3}), chosen, 1, {.per_expert = 1});  // item 2 is dropped
  const Var x = b.leaf({3, 4}), weight = b.leaf({3, 5, 4}), bias = b.leaf({3, 5}), gates = b.leaf({2});
  const Var y = combine(b.c, grouped_linear(b.c, dispatch(b.c, x, a), weight, bias, a), gates, a, {3, 5});
  for (std::size_t i = 10; i < 15; ++i) EXPECT_EQ(y.value()[i], 0);
  b.c.tape.backward(y, b.random({3, 5}, 9));
  for (std::size_t i = 20; i < 40; ++i) EXPECT_EQ(weight.grad()[i], 0);
  for (std::size_t i = 5; i < 10; ++i) EXPECT_EQ(bias.grad()[i], 0);
  for (std::size_t i = 8; i < 12; ++i) EXPECT_EQ(x.grad()[i], 0);
  EXPECT_NE(weight.grad()[0], 0);
}

TEST(Experts, ErrorsNameShapes) {
  Bench b;
  int chosen[2] = {0, 1};
  const Assignments a = assign(b.c.arena, b.zeros({2, 3}), chosen, 1, {});
  EXPECT_EQ(message_of([&] {
              gate(b.c, b.leaf({2, 4}), a, false);
            }),
            "gate: p is [2, 4], the assignments are of 2 items and 3 experts");
  EXPECT_EQ(message_of([&] { dispatch(b.c, b.leaf({3, 4}), a); }), "dispatch: [3, 4] is not the rows of 2 items");
  EXPECT_EQ(message_of([&] {
              grouped_linear(b.c, b.leaf({2, 4}), b.leaf({3, 5, 6}), b.leaf({3, 5}), a);
            }),
            "grouped_linear: weight is [3, 5, 6], x is [2, 4]: weight must be [3, 5, 4]");
  EXPECT_EQ(message_of([&] {
              load_sum(b.c, b.leaf({2, 3}), {}, 1, 0);
            }),
            "load_sum: sigma is 0, must be above 0: without noise the load has no gradient");
}

}  // namespace
}  // namespace mvmoe
