// train/experts/groups.h: groups of ranks, for runs with more ranks than experts. Each group has every expert once.
//
// A group is g consecutive ranks, so that images are sent to neighbours. Rank r is number r mod g of group r / g. Its
// peers are the ranks with the same number in the other groups. They have the same experts.
#pragma once
#include <optional>

#include "engine/comm.h"

namespace mvmoe {

// How many ranks a group has: the largest divisor of `ranks` that is at most `experts`, so that every rank has an
// expert. If there are several ranks and the divisor is 1: throws UsageError that names --expert-parallel and numbers
// of ranks that work.
int group_size(int experts, int ranks);

class Groups {
 public:
  // Groups of `size` ranks; 0: experts are not spread. comm null: there is one rank. `comm` must outlive this.
  // Collective: every rank must call it.
  Groups(Comm* comm, int size);

  // Both are null if there is one group.
  Comm* group() { return group_ ? &*group_ : nullptr; }  // the ranks of this rank's group
  Comm* peers() { return peers_ ? &*peers_ : nullptr; }  // this rank and its peers, one of each group

 private:
  std::optional<Comm> group_, peers_;
};

}  // namespace mvmoe
