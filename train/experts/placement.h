// train/experts/placement.h: which rank has which expert (train/experts/expert_parallel.h).
#pragma once
#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "models/config.h"

namespace mvmoe {

struct Placement {
  int ranks = 0;                  // of a group (train/experts/groups.h); all groups have the same placement
  std::vector<int> rank_of = {};  // [E] the rank of an expert, counted in its group; empty: every rank has every expert
  std::vector<int> slot_of = {};  // [E] an expert's number among those of its rank, in rising order of the experts

  bool spread() const { return !rank_of.empty(); }
  std::vector<int> of_rank(int rank) const;  // a rank's experts, rising; `rank` counts in the group or in all
  int count_of_rank(int rank) const {
    return static_cast<int>(std::count(rank_of.begin(), rank_of.end(), rank % std::max(1, ranks)));
  }
};

// Longest processing time first (Graham 1969): takes the experts in falling order of load, and gives each to the rank
// with the smallest load so far. Of equal loads: to the rank with fewer experts, then to the lower rank. The largest
// load is at most 4/3 of the smallest possible. Every rank gets an expert. load [E], at least 0; `ranks` of a group.
// Throws if there are fewer experts than ranks.
Placement place_experts(std::span<const double> load, int ranks);

// "experts: rank 0 experts 1 4 7 (32.1 % of the load), rank 1 ..". With several groups: "experts, in 2 groups of 3
// ranks: ..", with each rank's share of its group's load.
std::string described(const Placement& placement, std::span<const double> load, int ranks);

// True if an image is sent once, because it has one expert, the same in every sparse block
// (train/experts/expert_parallel.h). Else items are sent in each sparse block (train/experts/expert_visits.h).
inline bool travels_once(const MoeConfig& moe) { return moe.routing != Routing::token && moe.top_k == 1; }

}  // namespace mvmoe
