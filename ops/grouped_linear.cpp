#include "ops/grouped_linear.h"

#include "ops/check.h"
#include "ops/gelu.h"
#include "ops/linear.h"
#include "ops/panel_linear.h"

namespace mvmoe {
namespace {

// Slice e of a stacked parameter, without the first axis. Empty if `stacked` is empty.
Tensor expert(Tensor stacked, int e) {
  if (stacked.empty()) return {};
  const Tensor one = stacked.outer_slice(e, 1);
  return one.shape().axes() == 3 ? one.reshaped({one.shape()[1], one.shape()[2]}) : one.reshaped({one.shape()[1]});
}

// Calls body(e, first row, number of rows) for each expert that has rows.
template <class Body>
void each_group(const Assignments& assignments, int rows, const Body& body) {
  for (int e = 0; e < assignments.experts; ++e) {
    const int first = assignments.begin[e], count = assignments.begin[e + 1] - first;
    if (count > 0) body(e, first * rows, count * rows);
  }
}

}  // namespace

void GroupedLinear::forward(Tensor y) const {
  each_group(assignments, rows, [&](int e, int first, int count) {
    Linear{.x = x.outer_slice(first, count), .weight = expert(weight, e), .bias = expert(bias, e), .kernels = kernels}
        .forward(y.outer_slice(first, count));
  });
}

void GroupedLinear::backward(Tensor dy, Tensor dx, Tensor dweight, Tensor dbias) const {
  each_group(assignments, rows, [&](int e, int first, int count) {
    Linear{.x = x.outer_slice(first, count), .weight = expert(weight, e), .bias = expert(bias, e), .kernels = kernels}
        .backward(dy.outer_slice(first, count), dx.empty() ? Tensor{} : dx.outer_slice(first, count),
                  expert(dweight, e), expert(dbias, e));
  });
}

namespace {

// Runs the forward of all groups by panels. Returns false if the weights have no panels.
bool by_panels(Context& c, const GroupedLinear& op, bool gelu, Tensor y) {
  const float* panels = c.panels ? c.panels->of(op.weight) : nullptr;
  if (!panels || !c.panels->of(expert(op.weight, 0))) return false;
  each_group(op.assignments, op.rows, [&](int e, int first, int count) {
    PanelLinear{.x = op.x.outer_slice(first, count),
                .panels = c.panels->of(expert(op.weight, e)),
                .bias = expert(op.bias, e),
                .gelu = gelu}
        .forward(c, y.outer_slice(first, count));
  });
  return true;
}

Var record(Context& c, Var x, Var weight, Var bias, const Assignments& assignments, bool with_gelu) {
  const int E = assignments.experts, K = x.shape().back(), N = weight.shape().axes() == 3 ? weight.shape()[1] : 0;
  require_shape("grouped_linear", "weight", weight.shape(), {E, N, K}, "x", x.shape());
  require_shape("grouped_linear", "bias", bias.shape(), {E, N}, "weight", weight.shape());
  const int rows = assignments.count > 0 ? x.value().rows() / assignments.count : 0;
  if (rows * assignments.count != x.value().rows())
    fail("grouped_linear: x is ", x.shape(), ", which is not the rows of ", assignments.count, " assignments");
  const GroupedLinear op{.x = x.value(),
                         .weight = weight.value(),
                         .bias = bias.value(),
                         .assignments = assignments,
                         .rows = rows,
                         .kernels = c.kernels};
  const Var y = c.tape.output({x.value().rows(), N});
  if (by_panels(c, op, with_gelu, y.value())) {
    c.tape.record("grouped_linear", {x, weight, bias}, y);
    return y;
  }
  op.forward(y.value());
  c.tape.record("grouped_linear", {x, weight, bias}, y,
                [=] { op.backward(y.grad(), x.grad(), weight.grad(), bias.grad()); });
  return with_gelu ? gelu(c, y) : y;
}

}  // namespace

Var grouped_linear(Context& c, Var x, Var weight, Var bias, const Assignments& assignments) {
  return record(c, x, weight, bias, assignments, false);
}

Var grouped_linear_gelu(Context& c, Var x, Var weight, Var bias, const Assignments& assignments) {
  return record(c, x, weight, bias, assignments, true);
}

}  // namespace mvmoe
