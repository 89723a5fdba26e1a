// engine/context.h: what backward has completed. Wrong but plausible, and what shows it: a parameter that is read twice
// counted from its last reader; one with a lower place that is read later than the others; what an entry reads taken
// for complete before that entry had its turn.
#include "engine/context.h"

#include <gtest/gtest.h>

#include <vector>

namespace mvmoe {
namespace {

Var sum(Context& c, Var x, Var parameter) {  // y = x + parameter
  const Var y = c.tape.output(x.shape());
  for (std::size_t i = 0; i < y.value().size(); ++i) y.value()[i] = x.value()[i] + parameter.value()[i];
  c.tape.record("sum", {x, parameter}, y, [=] {
    for (std::size_t i = 0; i < y.value().size(); ++i) {
      if (x.wants_grad()) x.grad()[i] += y.grad()[i];
      parameter.grad()[i] += y.grad()[i];
    }
  });
  return y;
}

// In the order in which they are read: a, c, b, d, a. Nothing before the last entry that reads a is complete until
// then.
TEST(Context, SaysFromWhereOnGradientsAreComplete) {
  Parameters p;
  const ParameterId a = p.add("a", {16}, {}), b = p.add("b", {16}, {}), cc = p.add("c", {16}, {}),
                    d = p.add("d", {16}, {});
  p.allocate();
  const Block gradient(p.block_size());
  Context c(p);
  for (int pass = 0; pass < 2; ++pass) {  // a context is used again
    c.begin({.training = true}, &gradient);
    const Tensor x = c.arena.take({16});
    x.fill(1);
    Var y = c.tape.constant(x);
    for (const ParameterId id : {a, cc, b, d, a}) y = sum(c, y, c.parameter(id));
    const auto end = [&](ParameterId id) { return p[id].offset + 16; };
    EXPECT_EQ(c.open_until(5), end(d));  // before the last entry's turn, d may still be added to
    EXPECT_EQ(c.open_until(4), end(d));
    EXPECT_EQ(c.open_until(3), end(cc));  // d is complete
    EXPECT_EQ(c.open_until(2), end(cc));  // b as well, but it lies before c
    EXPECT_EQ(c.open_until(1), end(a));
    EXPECT_EQ(c.open_until(0), 0u);

    // What it promises holds in the walk itself: behind the end, nothing is added any more.
    for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] = 0;
    struct Walk {
      const Context* context;
      const Block* gradient;
      std::vector<std::pair<std::size_t, std::vector<float>>> seen;  // the end, and what lay behind it
    } walk{&c, &gradient, {}};
    c.tape.set_between({[](void* self, int entry) {
                          Walk& w = *static_cast<Walk*>(self);
                          const std::size_t end = w.context->open_until(entry);
                          w.seen.emplace_back(end, std::vector<float>(w.gradient->data() + end,
                                                                      w.gradient->data() + w.gradient->size()));
                        },
                        &walk});
    const Tensor dy = c.arena.take({16});
    dy.fill(0.5f);
    c.tape.backward(y, dy);
    c.tape.set_between({});
    EXPECT_EQ(walk.seen.size(), 4u);
    for (const auto& [from, then] : walk.seen)
      EXPECT_EQ(then, std::vector<float>(gradient.data() + from, gradient.data() + gradient.size()));
    EXPECT_EQ(gradient[p[a].offset], 1);  // read twice
    EXPECT_EQ(gradient[p[d].offset], 0.5f);
  }
}

}  // namespace
}  // namespace mvmoe
