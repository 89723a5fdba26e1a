// train/experts/groups.h: more ranks than experts: groups of ranks, each of which has every expert once.
//
// Groups are of consecutive ranks, so that images travel between neighbours. Of R ranks in groups of g, rank r is the
// (r mod g)-th of group r / g; its peers are the ranks of that place in the other groups, which have the same experts.
#pragma once
#include <optional>

#include "engine/comm.h"

namespace mvmoe {

// How many ranks a group has: the largest divisor of `ranks` that is at most `experts`, so that no rank is without.
// Throws UsageError that names --expert-parallel where that is 1 of several, and says which numbers of ranks would do.
int group_size(int experts, int ranks);

class Groups {
 public:
  // Of `size` ranks each; 0: experts are not spread. null: alone. All ranks; `comm` must outlive this.
  Groups(Comm* comm, int size);

  // Null where there is one group.
  Comm* group() { return group_ ? &*group_ : nullptr; }  // this rank's: its ranks share the experts out
  Comm* peers() { return peers_ ? &*peers_ : nullptr; }  // one of each group, in their order

 private:
  std::optional<Comm> group_, peers_;
};

}  // namespace mvmoe
