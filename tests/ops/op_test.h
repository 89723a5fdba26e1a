// tests/ops/op_test.h: what every operation's test shares: its cases of the table, operands by hand, golden values.
#pragma once
#include <gtest/gtest.h>

#include <cctype>
#include <cmath>
#include <deque>
#include <ostream>
#include <string>
#include <vector>

#include "engine/context.h"
#include "engine/error.h"
#include "engine/safetensors.h"
#include "tests/engine/helpers.h"
#include "tools/gradcheck/cases.h"

namespace mvmoe::gradcheck {

inline void PrintTo(const Case& c, std::ostream* out) { *out << c.op << ": " << c.shapes(); }

}  // namespace mvmoe::gradcheck

namespace mvmoe {

// "x [5, 33], weight [7, 33]" as gtest allows it: x_5_33_weight_7_33, and the case's number before it.
inline std::string case_name(const testing::TestParamInfo<gradcheck::Case>& info) {
  std::string name = std::to_string(info.index);
  for (const char c : text(' ', info.param.shapes()))
    if (std::isalnum(static_cast<unsigned char>(c))) name += c;
    else if (name.back() != '_') name += '_';
  return name;
}

inline void expect_passed(const gradcheck::Case& c, std::uint64_t seed) {
  const gradcheck::Result result = gradcheck::check(c, seed);
  EXPECT_EQ(result.verdict, gradcheck::Verdict::passed)
      << c.op << " " << c.shapes() << ", seed " << seed << ": " << result.reason;
}

class OpTest : public testing::TestWithParam<gradcheck::Case> {
 protected:
  void expect_matches_the_definition() const {
    for (const std::uint64_t seed : {1, 2, 3}) expect_passed(GetParam(), seed);
  }

  // Each input in turn is the only one that wants a gradient: it is as right as before, the others get none.
  void expect_each_gradient_alone() const {
    for (std::size_t i = 0; i < GetParam().inputs.size(); ++i)
      if (GetParam().inputs[i].wants_grad) expect_passed(gradcheck::wanting_only(GetParam(), i), 1);
  }
};

// Operands that own their memory, and a context to record on.
struct Bench {
  Parameters none;
  Context c;
  std::deque<std::vector<float>> memory;  // a deque: what is in it never moves

  explicit Bench(Kernels kernels = Kernels::fast) : c(none, kernels) { c.begin({}, nullptr); }

  Tensor zeros(Shape shape) { return {memory.emplace_back(shape.size()).data(), shape}; }
  Tensor tensor(Shape shape, std::vector<float> values) {
    EXPECT_EQ(values.size(), shape.size());
    return {memory.emplace_back(std::move(values)).data(), shape};
  }
  Tensor random(Shape shape, std::uint64_t stream = 0) {
    const Tensor t = zeros(shape);
    gradcheck::draw(7, stream, gradcheck::Draw::normal, t);
    return t;
  }
  Var constant(Tensor value) { return c.tape.constant(value); }
  Var constant(Shape shape) { return constant(random(shape)); }
  Var leaf(Tensor value) { return c.tape.leaf(value, zeros(value.shape())); }
  Var leaf(Shape shape) { return leaf(random(shape)); }
};

inline float largest_of(Tensor t) {
  float largest = 0;
  for (std::size_t i = 0; i < t.size(); ++i) largest = std::abs(t[i]) > largest ? std::abs(t[i]) : largest;
  return largest;
}

// Every element within tolerance of the largest entry of must_be; NaN is not close to anything.
inline void expect_close(Tensor is, Tensor must_be, double tolerance, const std::string& name) {
  ASSERT_EQ(is.shape(), must_be.shape()) << name;
  const double largest = largest_of(must_be);
  ASSERT_GT(largest, 0) << name;
  for (std::size_t i = 0; i < is.size(); ++i)
    EXPECT_TRUE(std::abs(static_cast<double>(is[i]) - must_be[i]) <= tolerance * largest)
        << name << "[" << i << "] is " << is[i] << ", must be " << must_be[i];
}

inline bool all_nan(Tensor t) {
  for (std::size_t i = 0; i < t.size(); ++i)
    if (!std::isnan(t[i])) return false;
  return true;
}

inline bool all_finite(Tensor t) {
  for (std::size_t i = 0; i < t.size(); ++i)
    if (!std::isfinite(t[i])) return false;
  return true;
}

// PyTorch's values (tools/golden); opened from the repository's root.
class Golden {
 public:
  explicit Golden(const std::string& path) : file_(path) {}
  Tensor read(Bench& bench, const std::string& name) const {
    const SafetensorsFile::Entry* entry = file_.find(name);
    if (!entry) fail("golden: no tensor '", name, "'");
    const Tensor t = bench.zeros(entry->shape);
    file_.read(name, t);
    return t;
  }
  const SafetensorsFile& file() const { return file_; }

 private:
  SafetensorsFile file_;
};

constexpr const char* golden_ops = "tests/golden/ops.safetensors";

// Runs `record` on the named golden inputs and compares y and each d<input> with PyTorch's. `constants` have no d.
template <class Record>
void expect_agrees_with_pytorch(const std::string& op, const std::vector<std::string>& inputs,
                                const std::vector<std::string>& constants, const Record& record) {
  const Golden golden(golden_ops);
  for (const Kernels kernels : {Kernels::fast, Kernels::plain}) {
    Bench bench(kernels);
    std::vector<Var> vars;
    for (const std::string& name : constants) vars.push_back(bench.constant(golden.read(bench, op + "." + name)));
    for (const std::string& name : inputs) vars.push_back(bench.leaf(golden.read(bench, op + "." + name)));
    const Var y = record(bench.c, vars);
    expect_close(y.value(), golden.read(bench, op + ".y"), 1e-5, op + ".y");
    bench.c.tape.backward(y, golden.read(bench, op + ".dy"));
    for (std::size_t i = 0; i < inputs.size(); ++i)
      expect_close(vars[constants.size() + i].grad(), golden.read(bench, op + ".d" + inputs[i]), 1e-5,
                   op + ".d" + inputs[i]);
  }
}

}  // namespace mvmoe
