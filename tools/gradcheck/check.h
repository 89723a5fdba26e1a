// tools/gradcheck/check.h: one operation against its definition, forward and backward. Serves tests and the command.
//
// The operation runs as in training: its own recording function, the tape, both kinds of kernels. It is compared
// with a double-precision reference and with central finite differences of that, element by element. What makes the
// check able to fail: inputs and the cotangent are random (for a cotangent of ones, softmax and layer norm have no
// gradient), gradients are pre-filled (a backward must add), NaN is a failure, and a reference gradient that is almost
// zero is a failure of the case itself.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/context.h"
#include "tools/gradcheck/reference.h"

namespace mvmoe::gradcheck {

using reference::Array;
using reference::Arrays;
using Vars = std::vector<Var>;

enum class Draw {
  normal,
  distribution,    // each row positive, its sum 1
  away_from_zero,  // of either sign, 0.5 to 1.5 in size: cotangents, so that none hides an element
};

struct Input {
  std::string name;  // as in the op's contract
  Shape shape;
  bool wants_grad = true;
  Draw draw = Draw::normal;
};

struct Case {
  std::string op;
  std::vector<Input> inputs;
  std::function<Var(Context&, const Vars&)> record;  // the op's own recording function
  std::function<Array(const Arrays&)> reference;
  std::string setting = {};  // what besides shapes makes the case: "heads 2"
  std::string skipped = {};  // why it cannot be checked here; empty: it is checked

  std::string shapes() const;  // "x [5, 33], weight [7, 33]", the setting behind
};

enum class Verdict { passed, failed, skipped };

struct Result {
  std::string op, shapes;
  double largest_error = 0;  // relative to the largest entry of the tensor it is in; NaN if there was one
  std::string where = {};    // of that error: "dweight[12], fast kernels: is 0.31, must be 0.32"
  Verdict verdict = Verdict::passed;
  std::string reason = {};  // of a failure or a skip
};

// For every element: |error| <= tolerance * the largest reference entry of its tensor.
constexpr double tolerance = 1e-5;

// The largest entry of y and of each reference gradient must be above this. In a tensor of one or two numbers all may
// cancel by chance: what is left is rounding, and a relative error says nothing. Such a draw is replaced, up to 20
// times; a case that is always below fails.
constexpr double reference_floor = 0.02;

Result check(const Case& c, std::uint64_t seed);

// The same case with a gradient wanted in one input alone: the others are constants, and must stay without.
Case wanting_only(Case c, std::size_t input);

// The pieces, for what is not a single operation (network.h).

// Fills with random numbers of a stream of its own, never a constant.
void draw(std::uint64_t seed, std::uint64_t stream, Draw how, Tensor into);

// d sum(dy * forward()) / dx by central differences; x is an operand of forward, changed and restored.
Array finite_difference(const std::function<Array()>& forward, Array& x, const Array& dy);

double largest_entry(const Array& a);  // NaN if there is one

// Takes one number into the result: is, as against must_be, on the scale of the tensor's largest entry. Only what is
// at most `tolerance` passes: NaN does not.
void compare(Result& result, double is, double must_be, double largest, const std::string& name, std::size_t index);

// Fails the result unless the reference is finite and above the floor.
void require_reference(Result& result, const std::string& name, double largest);

const char* name_of(Kernels kernels);

}  // namespace mvmoe::gradcheck
