// The checker itself: each way in which a gradient test can pass while proving nothing, tried on y = x^2 with a
// backward that is wrong in one thing. If one of these passes, no other test of this folder means anything.
#include "tools/gradcheck/gradcheck.h"

#include <sstream>

#include "tests/ops/op_test.h"

namespace mvmoe {
namespace {

using gradcheck::Case;
using gradcheck::print_gradcheck;
using gradcheck::Result;
using gradcheck::Verdict;

// y = x^2, its backward left to the caller: backward(x, dy, dx), all [3, 5].
template <class Backward>
Case square_with(Backward backward) {
  return {.op = "square",
          .inputs = {{"x", {3, 5}}},
          .record =
              [backward](Context& c, const gradcheck::Vars& in) {
                const Var x = in[0], y = c.tape.output(x.shape());
                for (std::size_t i = 0; i < x.value().size(); ++i) y.value()[i] = x.value()[i] * x.value()[i];
                c.tape.record("square", {x}, y, [=] {
                  for (std::size_t i = 0; i < x.value().size(); ++i)
                    backward(i, x.value()[i], y.grad()[i], x.grad()[i]);
                });
                return y;
              },
          .reference =
              [](const gradcheck::Arrays& in) {
                gradcheck::Array y = in[0];
                for (double& v : y.values) v *= v;
                return y;
              }};
}

Verdict verdict(const Case& c) { return gradcheck::check(c, 1).verdict; }

TEST(Gradcheck, ARightBackwardPasses) {
  const Result result = check(square_with([](std::size_t, float x, float dy, float& dx) { dx += 2 * x * dy; }), 1);
  EXPECT_EQ(result.verdict, Verdict::passed) << result.reason;
  EXPECT_EQ(result.shapes, "x [3, 5]");
  EXPECT_LT(result.largest_error, 1e-6);
}

TEST(Gradcheck, AWrongBackwardFails) {
  EXPECT_EQ(verdict(square_with([](std::size_t, float x, float dy, float& dx) { dx += 1.01f * 2 * x * dy; })),
            Verdict::failed);
  EXPECT_EQ(verdict(square_with([](std::size_t, float x, float dy, float& dx) { dx += 1.0001f * 2 * x * dy; })),
            Verdict::failed);
  EXPECT_EQ(verdict(square_with([](std::size_t, float x, float dy, float& dx) { dx -= 2 * x * dy; })), Verdict::failed);
  EXPECT_EQ(verdict(square_with([](std::size_t, float x, float dy, float& dx) { dx = 2 * x * dy; })), Verdict::failed)
      << "= for +=";
  EXPECT_EQ(verdict(square_with([](std::size_t, float x, float, float& dx) { dx += 2 * x; })), Verdict::failed)
      << "dy ignored";
  EXPECT_EQ(verdict(square_with([](std::size_t, float, float, float&) {})), Verdict::failed) << "nothing done";
}

TEST(Gradcheck, OneWrongElementFailsAndIsNamed) {
  const Result result =
      check(square_with([](std::size_t i, float x, float dy, float& dx) { dx += i == 14 ? 0 : 2 * x * dy; }), 1);
  EXPECT_EQ(result.verdict, Verdict::failed);
  EXPECT_EQ(result.reason.substr(0, 21), "dx, fast kernels [14]");
}

TEST(Gradcheck, NotANumberFails) {
  for (const std::size_t at : {0, 7, 14}) {
    const Result result =
        check(square_with([=](std::size_t i, float x, float dy, float& dx) { dx += i == at ? NAN : 2 * x * dy; }), 1);
    EXPECT_EQ(result.verdict, Verdict::failed) << at;
    EXPECT_TRUE(std::isnan(result.largest_error));
  }
}

TEST(Gradcheck, AWrongForwardFails) {
  Case c = square_with([](std::size_t, float x, float dy, float& dx) { dx += 2 * x * dy; });
  const auto right = c.reference;
  c.reference = [=](const gradcheck::Arrays& in) {
    gradcheck::Array y = right(in);
    y.values[3] += 1e-3;  // a constant: the gradients agree
    return y;
  };
  EXPECT_EQ(verdict(c), Verdict::failed);
  c.reference = [=](const gradcheck::Arrays& in) {
    gradcheck::Array y = right(in);
    y.shape = {5, 3};
    return y;
  };
  EXPECT_EQ(verdict(c), Verdict::failed) << "another shape";
}

// A constant has no gradient to compare: 0 = 0 must not count as agreement.
TEST(Gradcheck, ACaseWithoutGradientFails) {
  Case c = square_with([](std::size_t, float, float, float&) {});
  c.reference = [](const gradcheck::Arrays& in) {
    gradcheck::Array y(in[0].shape);
    for (double& v : y.values) v = 1;
    return y;
  };
  c.record = [](Context& context, const gradcheck::Vars& in) {
    const Var y = context.tape.output(in[0].shape());
    y.value().fill(1);
    context.tape.record("one", {in[0]}, y, [] {});
    return y;
  };
  EXPECT_EQ(check(c, 1).reason, "dx: the largest reference entry is 0: the case shows nothing");
  EXPECT_EQ(verdict(c), Verdict::failed);
}

TEST(Gradcheck, SkippedIsNotPassed) {
  Case skipped = square_with([](std::size_t, float, float, float&) {});
  skipped.skipped = "for a reason";
  const Case right = square_with([](std::size_t, float x, float dy, float& dx) { dx += 2 * x * dy; });
  const Case wrong = square_with([](std::size_t, float, float, float&) {});
  std::ostringstream out;
  EXPECT_EQ(print_gradcheck(out, {check(right, 1)}), 0);
  EXPECT_EQ(print_gradcheck(out, {check(right, 1), check(skipped, 1)}), 0);
  EXPECT_EQ(print_gradcheck(out, {check(skipped, 1)}), 1) << "nothing was checked";
  EXPECT_EQ(print_gradcheck(out, {check(right, 1), check(wrong, 1)}), 1);
  const gradcheck::Counts counts =
      gradcheck::count({check(right, 1), check(wrong, 1), check(skipped, 1), check(skipped, 1)});
  EXPECT_EQ(counts.passed, 1);
  EXPECT_EQ(counts.failed, 1);
  EXPECT_EQ(counts.skipped, 2);
  EXPECT_NE(out.str().find("square (x [3, 5]) skipped: for a reason"), std::string::npos) << out.str();
}

TEST(Gradcheck, TheWorstSeedIsReported) {
  const Result good{.op = "a", .shapes = "", .largest_error = 1e-7},
      better{.op = "b", .shapes = "", .largest_error = 1e-8};
  const Result bad{.op = "c", .shapes = "", .largest_error = 0, .where = "", .verdict = Verdict::failed};
  const Result nan{.op = "d", .shapes = "", .largest_error = NAN, .where = "", .verdict = Verdict::failed};
  EXPECT_EQ(worse(good, better).op, "a");
  EXPECT_EQ(worse(better, good).op, "a");
  EXPECT_EQ(worse(good, bad).op, "c");
  EXPECT_EQ(worse(bad, nan).op, "d");
  EXPECT_EQ(worse(nan, bad).op, "d");
}

}  // namespace
}  // namespace mvmoe
