// ops/route.h: who goes to which expert. Choosing is not differentiable: nothing here is on the tape. What carries
// the router's gradient is the chosen gates' values (ops/gate.h).
//
// n items (images, or tokens) choose among E experts. The outcome is a list of assignments, sorted by expert.
//   source     V-MoE, arXiv 2106.05974, section 2 and appendix A; GShard, arXiv 2006.16668, algorithm 1;
//              batch-prioritised routing: V-MoE, section 4; expert choice: arXiv 2202.09368, section 3
#pragma once
#include "engine/arena.h"

namespace mvmoe {

struct Assignments {
  int items = 0;         // n
  int experts = 0;       // E
  int count = 0;         // A, at most n*k; less where capacity dropped some
  int* item = nullptr;   // [A], sorted by expert, then in the order in which the expert took them
  int* begin = nullptr;  // [E + 1]: expert e has assignments begin[e] .. begin[e + 1]
  int expert_of(int assignment) const {
    int e = 0;
    while (begin[e + 1] <= assignment) ++e;
    return e;
  }
};

// The k largest of each row of `scores` [n, E], largest first, in `chosen` [n, k]; of equal ones the lower expert.
void top_k(Tensor scores, int k, int* chosen);

struct Capacity {
  int per_expert = 0;        // at most so many items an expert; 0: no limit
  bool by_priority = false;  // buffers fill in falling order of each item's largest gate, not in item order
};

// ceil(k n C / E), and at least 1: how many items an expert takes for capacity factor C.
int capacity_for(int items, int k, int experts, float factor);

// Assignments of every item's k choices. Buffers fill rank by rank: all first choices, then all second choices; what
// does not fit is dropped. `gates` [n, E] are read for the priority alone.
Assignments assign(Arena& arena, Tensor gates, const int* chosen, int k, Capacity capacity);

// Of the items 0, n, 2n, .. alone, which become 0, 1, 2, ..: what is left of the assignments where the others are not
// read.
Assignments every_nth(Arena& arena, const Assignments& all, int n);

// The other way round: each expert takes its `per_expert` items of the largest gates [n, E]; of equal ones the earlier.
Assignments assign_by_expert_choice(Arena& arena, Tensor gates, int per_expert);

}  // namespace mvmoe
