// Six items and three experts, from logits to gradients: the numbers of the chapter ops/README.md.
// Run it: make examples && build/examples/routing, or one part of it: build/examples/routing load
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <initializer_list>

#include "ops/cv_squared.h"
#include "ops/dispatch.h"
#include "ops/gate.h"
#include "ops/grouped_linear.h"
#include "ops/load_sum.h"
#include "ops/route.h"
#include "ops/softmax.h"
#include "ops/sum_of_rows.h"
#include "ops/switch_loss.h"
#include "ops/z_loss.h"

using namespace mvmoe;

Tensor tensor(Context& c, Shape shape, std::initializer_list<float> values) {
  const Tensor t = c.arena.take(shape);
  std::copy(values.begin(), values.end(), t.data());
  return t;
}

Var leaf(Context& c, Tensor value) {
  const Tensor gradient = c.arena.take(value.shape());
  gradient.fill(0);
  return c.tape.leaf(value, gradient);
}

double shown(float x) { return std::abs(x) < 0.00005f ? 0 : static_cast<double>(x); }  // 0.0000 has no sign

void print(const char* name, Tensor t) {  // a line a row
  for (int r = 0; r < t.rows(); ++r) {
    std::printf("%-9s", r == 0 ? name : "");
    for (int i = 0; i < t.width(); ++i) std::printf("%9.4f", shown(t.row(r)[i]));
    std::printf("\n");
  }
}

Tensor logits(Context& c) {  // [6, 3]
  return tensor(c, {6, 3}, {1.0f, 0, 0, 0, 1.0f, 0.5f, 2.0f, 0, 0, 0, 0.5f, 2.0f, 2.5f, 1.0f, 0, 0, 1.5f, 0.5f});
}

Assignments assign_items(Context& c, Tensor p, bool by_priority) {
  int chosen[6];
  top_k(p, 1, chosen);
  const int capacity = capacity_for(6, 1, 3, 1.0f);  // 2
  return assign(c.arena, p, chosen, 1, {.per_expert = capacity, .by_priority = by_priority});
}

void print(const char* title, const Assignments& a) {
  std::printf("%s\n", title);
  for (int e = 0; e < a.experts; ++e) {
    std::printf("  expert %d takes items", e);
    for (int i = a.begin[e]; i < a.begin[e + 1]; ++i) std::printf(" %d", a.item[i]);
    std::printf("\n");
  }
}

void choose(Context& c) {
  const Tensor p = softmax(c, c.tape.constant(logits(c))).value();  // [6, 3]
  print("p", p);
  print("in the order of the items", assign_items(c, p, false));
  print("by priority", assign_items(c, p, true));
}

// The items' way through their experts, and the gradients of sum(dy * y).
void experts(Context& c) {
  const Var z = leaf(c, logits(c)), p = softmax(c, z);
  const Var x = leaf(c, tensor(c, {6, 1}, {1, 2, 3, 4, 5, 6}));
  const Var weight = leaf(c, tensor(c, {3, 1, 1}, {2, 3, -1})), bias = leaf(c, tensor(c, {3, 1}, {0, 0, 0}));
  const Tensor dy = tensor(c, {6, 1}, {1, -1, 2, 1, 1, 0.5f});

  const Assignments a = assign_items(c, p.value(), true);
  const Var gates = gate(c, p, a, false);                 // [5]
  const Var xs = dispatch(c, x, a);                       // [5, 1]
  const Var ys = grouped_linear(c, xs, weight, bias, a);  // [5, 1]
  const Var y = combine(c, ys, gates, a, x.shape());      // [6, 1]
  c.tape.backward(y, dy);

  print("xs", xs.value().reshaped({1, 5}));
  print("ys", ys.value().reshaped({1, 5}));
  print("gates", gates.value().reshaped({1, 5}));
  print("y", y.value().reshaped({1, 6}));
  print("dweight", weight.grad().reshaped({1, 3}));
  print("dx", x.grad().reshaped({1, 6}));
  print("dz", z.grad());
}

// One loss on the logits, and its gradient there.
void print_loss(Context& c, Var loss, Var z) {
  c.tape.backward(loss, 1);
  std::printf("loss     %9.4f\n", shown(loss.item()));
  print("dz", z.grad());
}

void importance(Context& c) {
  const Var z = leaf(c, logits(c)), s = sum_of_rows(c, softmax(c, z));
  print("s", s.value());
  print_loss(c, cv_squared(c, s), z);
}

void load(Context& c) {
  const Tensor noise = tensor(c, {6, 3},
                              {-0.3f, 0.4f, 0.1f, 0.2f, -0.3f, 0.4f, -0.2f, 0.1f, 0.5f,  //
                               0.1f, 0.2f, -0.4f, -0.1f, -0.3f, 0.2f, 0.3f, 0, -0.2f});
  const Var z = leaf(c, logits(c)), s = load_sum(c, z, noise, 1, 1.0f / 3);
  print("s", s.value());
  const Tensor ds = tensor(c, {3}, {0, 0, 0});
  cv_squared_backward(s.value(), 1, ds);
  print("ds", ds);
  print_loss(c, cv_squared(c, s), z);
}

void switch_balance(Context& c) {
  const Var z = leaf(c, logits(c));
  print_loss(c, switch_loss(c, softmax(c, z)), z);
}

void small_logits(Context& c) {
  const Var z = leaf(c, logits(c));
  print_loss(c, z_loss(c, z), z);
}

struct Part {
  const char* name;
  void (*run)(Context& c);
};
constexpr Part parts[] = {{"choose", choose}, {"experts", experts},       {"importance", importance},
                          {"load", load},     {"switch", switch_balance}, {"z", small_logits}};

int main(int argc, char** argv) {
  const Parameters none;
  Context c(none);
  bool found = false;
  for (const Part& part : parts) {
    if (argc > 1 && std::strcmp(argv[1], part.name) != 0) continue;
    found = true;
    c.begin({}, nullptr);
    if (argc == 1) std::printf("# %s\n", part.name);
    part.run(c);
  }
  if (!found) std::fprintf(stderr, "routing: %s is no part: choose, experts, importance, load, switch or z\n", argv[1]);
  return found ? 0 : 2;
}
