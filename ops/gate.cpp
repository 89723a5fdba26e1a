#include "ops/gate.h"

#include "engine/error.h"

namespace mvmoe {
namespace {

// Calls body(a, item, expert) for every assignment.
template <class Body>
void each(const Assignments& assignments, const Body& body) {
  for (int e = 0; e < assignments.experts; ++e)
    for (int a = assignments.begin[e]; a < assignments.begin[e + 1]; ++a)
      body(static_cast<std::size_t>(a), static_cast<std::size_t>(assignments.item[a]), e);
}

}  // namespace

void Gate::forward(Tensor gates) const {
  each(assignments, [&](std::size_t a, std::size_t item, int e) { gates[a] = p.row(static_cast<int>(item))[e]; });
  if (sums.empty()) return;
  sums.fill(0);
  each(assignments, [&](std::size_t a, std::size_t item, int) { sums[item] += gates[a]; });
  each(assignments, [&](std::size_t a, std::size_t item, int) { gates[a] /= sums[item]; });
}

// Renormalised: g_a = p_a / s, where s is the item's sum. So dp_a = (dg_a - sum_b g_b dg_b) / s, with b over the item's
// assignments.
void Gate::backward(Tensor gates, Tensor dgates, Tensor dp) const {
  if (sums.empty()) {
    each(assignments, [&](std::size_t a, std::size_t item, int e) { dp.row(static_cast<int>(item))[e] += dgates[a]; });
    return;
  }
  scratch.fill(0);
  each(assignments, [&](std::size_t a, std::size_t item, int) { scratch[item] += gates[a] * dgates[a]; });
  each(assignments, [&](std::size_t a, std::size_t item, int e) {
    dp.row(static_cast<int>(item))[e] += (dgates[a] - scratch[item]) / sums[item];
  });
}

Var gate(Context& c, Var p, const Assignments& assignments, bool renormalise) {
  const int n = assignments.items;
  if (p.value().rows() != n || p.shape().back() != assignments.experts)
    fail("gate: p is ", p.shape(), ", the assignments are of ", n, " items and ", assignments.experts, " experts");
  const Gate op{.p = p.value(),
                .assignments = assignments,
                .sums = renormalise ? c.arena.take({n}) : Tensor{},
                .scratch = renormalise ? c.arena.take({n}) : Tensor{}};
  const Var gates = c.tape.output({assignments.count});
  op.forward(gates.value());
  c.tape.record("gate", {p}, gates, [=] { op.backward(gates.value(), gates.grad(), p.grad()); });
  return gates;
}

}  // namespace mvmoe
