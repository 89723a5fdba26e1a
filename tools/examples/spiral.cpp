// A small network on the tape: two linear layers learn which arm of a spiral a point lies on.
// Run it: make examples && build/examples/spiral
#include <cmath>
#include <cstdio>

#include "engine/random.h"
#include "ops/cross_entropy.h"
#include "ops/gelu.h"
#include "ops/linear.h"
#include "train/optimize/adamw.h"

using namespace mvmoe;

int main() {
  // Parameters live in one flat block; gradients and the optimizer's moments are blocks of the same layout.
  Parameters p;
  const ParameterId w1 = p.add("w1", {32, 2}, {Init::Kind::normal, 1.0f}, true), b1 = p.add("b1", {32}, {});
  const ParameterId w2 = p.add("w2", {3, 32}, {Init::Kind::normal, 0.2f}, true), b2 = p.add("b2", {3}, {});
  p.allocate();
  p.initialise(0);
  const Block gradient(p.block_size()), m(p.block_size()), v(p.block_size());
  Context c(p);
  Threads threads(1);

  for (std::uint64_t step = 1; step <= 400; ++step) {
    c.begin({.training = true}, &gradient);  // an empty tape; backward will add into `gradient`
    const Tensor points = c.arena.take({96, 2}), targets = c.arena.take({96, 3});
    targets.fill(0);
    for (int i = 0; i < 96; ++i) {
      Random random(0, Place::test, step, static_cast<std::uint64_t>(i));
      const float radius = random.uniform();
      const float angle = 5 * radius + 2.0944f * static_cast<float>(i % 3) + 0.1f * random.normal();
      points.row(i)[0] = 2 * radius * std::cos(angle);
      points.row(i)[1] = 2 * radius * std::sin(angle);
      targets.row(i)[i % 3] = 1;
    }
    const Var hidden = gelu(c, linear(c, c.tape.constant(points), c.parameter(w1), c.parameter(b1)));  // [96, 32]
    const Var logits = linear(c, hidden, c.parameter(w2), c.parameter(b2));                            // [96, 3]
    const Var loss = cross_entropy(c, logits, targets);  // a sum over points
    c.tape.backward(loss, 1.0f / 96);
    AdamW{.rate = 0.02f, .t = step}.step(p, gradient, m, v, threads);
    for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] = 0;  // gradients are added to: empty them
    if (step % 100 == 0)
      std::printf("step %3llu  loss %.3f\n", static_cast<unsigned long long>(step), loss.item() / 96);
  }
}
