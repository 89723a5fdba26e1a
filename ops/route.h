// ops/route.h: which item goes to which expert. A choice has no derivative, so nothing here is on the tape. The router
// gets its gradient through the gates of the chosen experts (ops/gate.h).
//
// n items (images, or tokens) choose among E experts. The result is a list of assignments, sorted by expert.
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

// Writes the k largest of each row of `scores` [n, E] into `chosen` [n, k], largest first. Of equal scores the lower
// expert comes first.
void top_k(Tensor scores, int k, int* chosen);

struct Capacity {
  int per_expert = 0;        // largest number of items of one expert; 0: no limit
  bool by_priority = false;  // experts take items in falling order of the items' largest gates, not in item order
};

// The limit for capacity factor C: ceil(k n C / E), and at least 1.
int capacity_for(int items, int k, int experts, float factor);

// Assigns every item to its k choices. All first choices are taken before any second choice. What exceeds the capacity
// is dropped. `gates` [n, E] give the priority and nothing else.
Assignments assign(Arena& arena, Tensor gates, const int* chosen, int k, Capacity capacity);

// Keeps the assignments of every n-th item, and renumbers these items: 0, n, 2n, .. become 0, 1, 2, ...
Assignments every_nth(Arena& arena, const Assignments& all, int n);

// Each expert chooses items: the `per_expert` items of its largest gates [n, E]. Of equal gates the earlier item is
// taken.
Assignments assign_by_expert_choice(Arena& arena, Tensor gates, int per_expert);

}  // namespace mvmoe
