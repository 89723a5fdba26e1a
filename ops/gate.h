// ops/gate.h: the chosen gates' values, through which the router learns.
//   gate_a = p[item_a, expert_a]                          as they are (V-MoE, Mobile V-MoE), or
//   gate_a = p[item_a, expert_a] / sum of the item's chosen p     renormalised
//   gradients  dp, added to at the chosen entries; the choice itself has no derivative
//   note       where an item has one choice, its renormalised gate is 1 and the router gets no gradient from the task
//   source     V-MoE, arXiv 2106.05974, equation 1
#pragma once
#include "engine/context.h"
#include "ops/route.h"

namespace mvmoe {

struct Gate {
  Tensor p;                          // [n, E]
  Assignments assignments;           // A of them
  Tensor sums;                       // [n], renormalised only: the sum of each item's chosen p; empty otherwise
  Tensor scratch;                    // [n], renormalised only: for backward
  void forward(Tensor gates) const;  // [A]
  void backward(Tensor gates, Tensor dgates, Tensor dp) const;
};

Var gate(Context& c, Var p, const Assignments& assignments, bool renormalise);

}  // namespace mvmoe
