// Two operations on three numbers, on the tape: a prediction p = w x and its squared error L = (p - t)^2.
// Prints each value and each gradient. The chapter engine/README.md computes the same by hand.
// Run it: make examples && build/examples/three_numbers
//
// All three numbers are leaves that want a gradient. So these backwards add without asking; those of ops/ ask first.
#include <cstdio>

#include "engine/tape.h"

using namespace mvmoe;

// p = w x, so dw = dp x and dx = dp w.
Var multiply(Tape& tape, Var w, Var x) {
  const Var p = tape.output({1});
  p.value()[0] = w.value()[0] * x.value()[0];
  std::printf("multiply       p = %g\n", p.item());
  tape.record("multiply", {w, x}, p, [=] {
    const float dp = p.grad()[0];
    w.grad()[0] += dp * x.value()[0];
    x.grad()[0] += dp * w.value()[0];
    std::printf("multiply       dp = %g\n", dp);
  });
  return p;
}

// L = (p - t)^2, so dp = dL 2 (p - t) and dt = -dp.
Var squared_error(Tape& tape, Var p, Var t) {
  const Var loss = tape.output({1});
  const float error = p.value()[0] - t.value()[0];
  loss.value()[0] = error * error;
  std::printf("squared_error  L = %g\n", loss.item());
  tape.record("squared_error", {p, t}, loss, [=] {
    const float dloss = loss.grad()[0];
    p.grad()[0] += dloss * 2 * error;
    t.grad()[0] += dloss * -2 * error;
    std::printf("squared_error  dL = %g\n", dloss);
  });
  return loss;
}

int main() {
  float values[] = {2, 3, 10}, gradients[] = {0, 0, 0};
  Arena arena;
  Tape tape(arena);
  const auto number = [&](int i) { return tape.leaf(Tensor(&values[i], {1}), Tensor(&gradients[i], {1})); };
  const Var w = number(0), x = number(1), t = number(2);

  std::puts("forward");
  const Var loss = squared_error(tape, multiply(tape, w, x), t);

  std::puts("backward");
  tape.backward(loss, 1);

  std::puts("result");
  std::printf("w = %-2g  dw = %g\n", w.item(), gradients[0]);
  std::printf("x = %-2g  dx = %g\n", x.item(), gradients[1]);
  std::printf("t = %-2g  dt = %g\n", t.item(), gradients[2]);
}
