#include "ops/dispatch.h"

#include <algorithm>

#include "engine/error.h"

namespace mvmoe {
namespace {

int rows_of_item(const char* op, const Shape& shape, int items) {
  if (items < 1 || shape.rows() % items != 0) fail(op, ": ", shape, " is not the rows of ", items, " items");
  return shape.rows() / items;
}

// The rows of one item, which are n contiguous floats.
struct Run {
  float* data;
  std::size_t n;
};
Run run_of(Tensor t, int item, int rows) {
  const std::size_t n = static_cast<std::size_t>(rows) * static_cast<std::size_t>(t.width());
  return {t.data() + static_cast<std::size_t>(item) * n, n};
}

}  // namespace

void Dispatch::forward(Tensor xs) const {
  for (int a = 0; a < assignments.count; ++a) {
    const Run from = run_of(x, assignments.item[a], rows);
    std::copy_n(from.data, from.n, run_of(xs, a, rows).data);
  }
}

void Dispatch::backward(Tensor dxs, Tensor dx) const {
  for (int a = 0; a < assignments.count; ++a) {
    const Run from = run_of(dxs, a, rows);
    float* to = run_of(dx, assignments.item[a], rows).data;
#pragma omp simd
    for (std::size_t i = 0; i < from.n; ++i) to[i] += from.data[i];
  }
}

void Combine::forward(Tensor y) const {
  y.fill(0);
  for (int a = 0; a < assignments.count; ++a) {
    const Run from = run_of(ys, a, rows);
    const float g = gates[static_cast<std::size_t>(a)];
    float* to = run_of(y, assignments.item[a], rows).data;
#pragma omp simd
    for (std::size_t i = 0; i < from.n; ++i) to[i] += g * from.data[i];
  }
}

// y_i = sum_a gate_a ys_a: dys_a = gate_a dy_i, dgate_a = <dy_i, ys_a>.
void Combine::backward(Tensor dy, Tensor dys, Tensor dgates) const {
  for (int a = 0; a < assignments.count; ++a) {
    const Run out = run_of(ys, a, rows);
    const float* d = run_of(dy, assignments.item[a], rows).data;
    const float g = gates[static_cast<std::size_t>(a)];
    if (!dys.empty()) {
      float* to = run_of(dys, a, rows).data;
#pragma omp simd
      for (std::size_t i = 0; i < out.n; ++i) to[i] += g * d[i];
    }
    if (!dgates.empty()) {
      float dot = 0;
#pragma omp simd reduction(+ : dot)
      for (std::size_t i = 0; i < out.n; ++i) dot += d[i] * out.data[i];
      dgates[static_cast<std::size_t>(a)] += dot;
    }
  }
}

Var dispatch(Context& c, Var x, const Assignments& assignments) {
  const int rows = rows_of_item("dispatch", x.shape(), assignments.items);
  const Dispatch op{.x = x.value(), .assignments = assignments, .rows = rows};
  const Var xs = c.tape.output({assignments.count * rows, x.shape().back()});
  op.forward(xs.value());
  c.tape.record("dispatch", {x}, xs, [=] { op.backward(xs.grad(), x.grad()); });
  return xs;
}

Var combine(Context& c, Var ys, Var gates, const Assignments& assignments, const Shape& like) {
  const int rows = rows_of_item("combine", like, assignments.items);
  if (!(ys.shape() == Shape{assignments.count * rows, like.back()}) || !(gates.shape() == Shape{assignments.count}))
    fail("combine: ys is ", ys.shape(), " and gates is ", gates.shape(), ": must be ",
         Shape{assignments.count * rows, like.back()}, " and ", Shape{assignments.count});
  const Combine op{.ys = ys.value(), .gates = gates.value(), .assignments = assignments, .rows = rows};
  const Var y = c.tape.output(like);
  op.forward(y.value());
  c.tape.record("combine", {ys, gates}, y, [=] { op.backward(y.grad(), ys.grad(), gates.grad()); });
  return y;
}

}  // namespace mvmoe
