// train/experts/placement.h: which rank each expert lives on, where the ranks share the experts out
// (train/experts/expert_parallel.h).
#pragma once
#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "models/config.h"

namespace mvmoe {

struct Placement {
  int ranks = 0;                  // of a group (train/experts/groups.h), each of which is dealt the same
  std::vector<int> rank_of = {};  // [E] the rank of a group that an expert lives on; empty: every rank has every expert
  std::vector<int> slot_of = {};  // [E] its number among the experts of its rank, which rise as they do in all

  bool spread() const { return !rank_of.empty(); }
  std::vector<int> of_rank(int rank) const;  // its experts, rising; of a rank of a group, or of all
  int count_of_rank(int rank) const {
    return static_cast<int>(std::count(rank_of.begin(), rank_of.end(), rank % std::max(1, ranks)));
  }
};

// Experts in falling order of their load, each to the rank that has least by then, and of equal ones to the rank with
// fewer experts, then to the lower (longest processing time first: at most 4/3 of the best possible; Graham 1969). No
// rank stays empty. load [E], at least 0; ranks of a group; throws if there are fewer experts.
Placement place_experts(std::span<const double> load, int ranks);

// "experts: rank 0 experts 1 4 7 (32.1 % of the load), rank 1 .."; of more ranks "experts, in 2 groups of 3 ranks: ..",
// with each rank's share of its group's load.
std::string described(const Placement& placement, std::span<const double> load, int ranks);

// Whether an image has one journey to make: its one expert is that of every sparse block
// (train/experts/expert_parallel.h). Else it visits its experts in each (train/experts/expert_visits.h).
inline bool travels_once(const MoeConfig& moe) { return moe.routing != Routing::token && moe.top_k == 1; }

}  // namespace mvmoe
