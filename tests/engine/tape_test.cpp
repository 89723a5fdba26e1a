#include "engine/tape.h"

#include <cmath>
#include <vector>

#include "tests/engine/helpers.h"

namespace mvmoe {
namespace {

Var square(Tape& tape, Var x) {
  const Var y = tape.output(x.shape());
  for (std::size_t i = 0; i < x.value().size(); ++i) y.value()[i] = x.value()[i] * x.value()[i];
  tape.record("square", {x}, y, [=] {
    for (std::size_t i = 0; i < x.value().size(); ++i) x.grad()[i] += 2 * x.value()[i] * y.grad()[i];
  });
  return y;
}

Var multiply(Tape& tape, Var a, Var b) {
  const Var y = tape.output(a.shape());
  for (std::size_t i = 0; i < a.value().size(); ++i) y.value()[i] = a.value()[i] * b.value()[i];
  tape.record("multiply", {a, b}, y, [=] {
    for (std::size_t i = 0; i < a.value().size(); ++i) {
      if (a.wants_grad()) a.grad()[i] += b.value()[i] * y.grad()[i];
      if (b.wants_grad()) b.grad()[i] += a.value()[i] * y.grad()[i];
    }
  });
  return y;
}

Var add_one(Tape& tape, Var x) {
  const Var y = tape.output(x.shape());
  for (std::size_t i = 0; i < x.value().size(); ++i) y.value()[i] = x.value()[i] + 1;
  tape.record("add_one", {x}, y, [=] {
    for (std::size_t i = 0; i < x.value().size(); ++i) x.grad()[i] += y.grad()[i];
  });
  return y;
}

struct TapeTest : testing::Test {
  Arena arena;
  Tape tape{arena};
  std::vector<float> x{1, -2, 3, 0.5f, 4, -1}, dx = std::vector<float>(6, 0), dy{1, 10, -1, 2, 0.5f, 3};
  Var leaf() { return tape.leaf(Tensor(x.data(), {2, 3}), Tensor(dx.data(), {2, 3})); }
};

TEST_F(TapeTest, GradientsOfAVariableUsedTwiceAdd) {
  const Var v = leaf();
  const Var y = multiply(tape, square(tape, v), v);  // x^3
  tape.backward(y, Tensor(dy.data(), {2, 3}));
  for (std::size_t i = 0; i < 6; ++i) EXPECT_FLOAT_EQ(dx[i], 3 * x[i] * x[i] * dy[i]) << i;
}

TEST_F(TapeTest, AddsToWhatALeafsGradientHolds) {
  dx.assign(6, 100);
  tape.backward(square(tape, leaf()), Tensor(dy.data(), {2, 3}));
  for (std::size_t i = 0; i < 6; ++i) EXPECT_FLOAT_EQ(dx[i], 100 + 2 * x[i] * dy[i]) << i;
}

TEST_F(TapeTest, BothOperandsOfOneOperationMayBeTheSame) {
  const Var v = leaf();
  tape.backward(multiply(tape, v, v), Tensor(dy.data(), {2, 3}));
  for (std::size_t i = 0; i < 6; ++i) EXPECT_FLOAT_EQ(dx[i], 2 * x[i] * dy[i]) << i;
}

TEST_F(TapeTest, MissingBackwardThrowsWhenRecorded) {
  const Var v = leaf(), c = tape.constant(Tensor(x.data(), {2, 3})), y = tape.output({2, 3});
  EXPECT_EQ(message_of([&] {
              tape.record("round", {c, v}, y);
            }),
            "round: has no backward, but an input wants a gradient");
  EXPECT_NO_THROW(tape.record("round", {c}, y));
}

TEST_F(TapeTest, WhatNobodyWantsHasNoGradientAndRecordsNothing) {
  const Var c = tape.constant(Tensor(x.data(), {2, 3})), y = square(tape, c);
  EXPECT_FALSE(y.wants_grad());
  EXPECT_TRUE(c.grad().empty());
  EXPECT_TRUE(y.grad().empty());
  EXPECT_EQ(tape.entries(), 0);
  const Var product = multiply(tape, y, leaf());
  EXPECT_TRUE(product.wants_grad());
  EXPECT_EQ(tape.entries(), 1);
  tape.backward(product, Tensor(dy.data(), {2, 3}));
  EXPECT_TRUE(y.grad().empty());
  for (std::size_t i = 0; i < 6; ++i) EXPECT_FLOAT_EQ(dx[i], x[i] * x[i] * dy[i]) << i;
}

TEST_F(TapeTest, ViewsShareValueAndGradient) {
  const Var v = leaf(), squared = square(tape, v);
  const Var flat = tape.view(squared, {6}), again = tape.view(flat, {3, 2});
  EXPECT_EQ(again.value().data(), squared.value().data());
  const Var y = multiply(tape, square(tape, flat), tape.view(again, {6}));  // x^6, through three views of x^2
  tape.backward(y, Tensor(dy.data(), {6}));
  for (std::size_t i = 0; i < 6; ++i) EXPECT_NEAR(dx[i], 6 * std::pow(x[i], 5) * dy[i], 1e-4 * std::abs(dx[i])) << i;
}

TEST_F(TapeTest, AViewOfALeafAddsToTheLeaf) {
  const Var v = leaf();
  tape.backward(multiply(tape, tape.view(v, {6}), square(tape, tape.view(v, {6}))), Tensor(dy.data(), {6}));
  for (std::size_t i = 0; i < 6; ++i) EXPECT_FLOAT_EQ(dx[i], 3 * x[i] * x[i] * dy[i]) << i;
}

// A gradient that would be lost is an error at once: a view keeps what it knew of its source when it was taken.
TEST_F(TapeTest, RefusesViewsThatWouldCutTheGraph) {
  const Var v = leaf(), y = tape.output({2, 3}), early = tape.view(y, {6});
  EXPECT_EQ(message_of([&] { tape.record("square", {v}, y, [] {}); }),
            "square: a view of its result [2, 3] was taken before it was recorded: take it after");
  EXPECT_EQ(message_of([&] { tape.record("square", {v}, early, [] {}); }),
            "square: records a view [6]: record the variable that it views");
}

TEST_F(TapeTest, TheCotangentIsAddedToo) {
  const Var v = leaf();
  dx.assign(6, 5);
  tape.backward(v, Tensor(dy.data(), {2, 3}));
  for (std::size_t i = 0; i < 6; ++i) EXPECT_FLOAT_EQ(dx[i], 5 + dy[i]) << i;
}

TEST_F(TapeTest, BranchesThatTheResultDoesNotUseAreSkipped) {
  const Var v = leaf(), used = square(tape, v), unused = tape.output({2, 3});
  int calls = 0, *counter = &calls;
  tape.record("unused", {used}, unused, [=] { ++*counter; });
  const Var last = square(tape, unused);
  EXPECT_TRUE(last.wants_grad());
  tape.backward(used, Tensor(dy.data(), {2, 3}));
  EXPECT_EQ(calls, 0);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_FLOAT_EQ(dx[i], 2 * x[i] * dy[i]) << i;
}

TEST_F(TapeTest, GradientBuffersAreRecycled) {
  constexpr int links = 64, floats = 1 << 18;  // 1 MiB each
  std::vector<float> big(floats, 1), dbig(floats, 0), seed(floats, 1);
  Var v = tape.leaf(Tensor(big.data(), {floats}), Tensor(dbig.data(), {floats}));
  for (int i = 0; i < links; ++i) v = add_one(tape, v);
  const std::size_t before = arena.capacity();
  tape.backward(v, Tensor(seed.data(), {floats}));
  EXPECT_LE(arena.capacity(), before + (8u << 20));
  for (const float d : dbig) ASSERT_EQ(d, 1);
}

TEST_F(TapeTest, RecycledBuffersStartAtZero) {
  const Var v = leaf();
  Var y = v;
  float expected[6];
  for (int link = 0; link < 4; ++link) y = multiply(tape, y, v);  // x^5: each link's gradient is added to twice
  tape.backward(y, Tensor(dy.data(), {2, 3}));
  for (std::size_t i = 0; i < 6; ++i) expected[i] = 5 * x[i] * x[i] * x[i] * x[i] * dy[i];
  for (std::size_t i = 0; i < 6; ++i) EXPECT_FLOAT_EQ(dx[i], expected[i]) << i;
}

TEST_F(TapeTest, ADeepChainNeedsNoStack) {
  float one = 1, gradient = 0;
  Var v = tape.leaf(Tensor(&one, {1}), Tensor(&gradient, {1}));
  for (int i = 0; i < 100'000; ++i) v = add_one(tape, v);
  EXPECT_EQ(tape.entries(), 100'000);
  EXPECT_EQ(v.item(), 100'001);
  tape.backward(v, 0.25f);
  EXPECT_EQ(gradient, 0.25f);
}

TEST_F(TapeTest, ResetForgetsEntriesAndKeepsMemory) {
  for (int step = 0; step < 3; ++step) {
    dx.assign(6, 0);
    tape.reset();
    arena.reset();
    EXPECT_EQ(tape.entries(), 0);
    tape.backward(square(tape, leaf()), Tensor(dy.data(), {2, 3}));
    for (std::size_t i = 0; i < 6; ++i) EXPECT_FLOAT_EQ(dx[i], 2 * x[i] * dy[i]);
  }
  EXPECT_EQ(arena.chunks(), 1);
}

TEST_F(TapeTest, RefusesWhatCannotBeDifferentiated) {
  const Var v = leaf(), c = tape.constant(Tensor(x.data(), {2, 3}));
  EXPECT_EQ(message_of([&] { tape.backward(square(tape, v), 1.0f); }),
            "backward: the loss is [2, 3], must be a scalar [1]");
  EXPECT_EQ(message_of([&] { tape.backward(square(tape, v), Tensor(dy.data(), {6})); }),
            "backward: dy is [6], the result is [2, 3]");
  EXPECT_EQ(message_of([&] {
              tape.backward(c, Tensor(dy.data(), {2, 3}));
            }),
            "backward: the result depends on nothing that wants a gradient");
  EXPECT_EQ(message_of([&] { tape.leaf(v.value(), Tensor(dx.data(), {6})); }),
            "leaf: gradient is [6], value is [2, 3]");
  EXPECT_EQ(message_of([&] { v.item(); }), "item: the variable is [2, 3], must be a scalar [1]");
}

// Gradients that come from elsewhere, at two places, and in two pieces: the second is added after the first piece was
// walked.
TEST(Tape, GoesBackInPieces) {
  Arena arena;
  Tape tape(arena);
  std::vector<float> x{3, -2}, dx(2), one{1, 10}, other{2, 5};
  const Var v = tape.leaf(Tensor(x.data(), {2}), Tensor(dx.data(), {2}));
  const Var s = square(tape, v);
  const int border = tape.entries();
  const Var q = square(tape, s);
  tape.seed(q, Tensor(one.data(), {2}));
  tape.go_back(border);
  EXPECT_EQ(dx, (std::vector<float>{0, 0}));
  EXPECT_EQ(s.grad()[0], 2 * 9 * 1);
  tape.seed(s, Tensor(other.data(), {2}));
  tape.go_back();
  EXPECT_EQ(dx, (std::vector<float>{2 * 3 * (18 + 2), 2 * -2 * (2 * 4 * 10 + 5)}));
}

}  // namespace
}  // namespace mvmoe
