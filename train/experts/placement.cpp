#include "train/experts/placement.h"

#include <algorithm>
#include <cstdio>
#include <numeric>

#include "engine/error.h"

namespace mvmoe {

std::vector<int> Placement::of_rank(int rank) const {
  std::vector<int> experts;
  for (std::size_t e = 0; e < rank_of.size(); ++e)
    if (rank_of[e] == rank % ranks) experts.push_back(static_cast<int>(e));
  return experts;
}

Placement place_experts(std::span<const double> load, int ranks) {
  if (load.size() < static_cast<std::size_t>(ranks))
    fail("placement: ", load.size(), " experts cannot fill ", ranks, " ranks");
  std::vector<std::size_t> falling(load.size());
  std::iota(falling.begin(), falling.end(), 0);
  std::stable_sort(falling.begin(), falling.end(), [&](std::size_t a, std::size_t b) { return load[a] > load[b]; });
  Placement placement{
      .ranks = ranks, .rank_of = std::vector<int>(load.size()), .slot_of = std::vector<int>(load.size())};
  struct Rank {
    double load = 0;
    int experts = 0;
  };
  std::vector<Rank> all(static_cast<std::size_t>(ranks));
  for (std::size_t placed = 0; placed < falling.size(); ++placed) {
    const auto empty =
        static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [](const Rank& r) { return r.experts == 0; }));
    const bool only_empty = falling.size() - placed <= empty;  // with loads of 0 a rank could stay empty otherwise
    const auto least = std::min_element(all.begin(), all.end(), [&](const Rank& a, const Rank& b) {
      if (only_empty && (a.experts == 0) != (b.experts == 0)) return a.experts == 0;
      return a.load != b.load ? a.load < b.load : a.experts < b.experts;
    });
    least->load += load[falling[placed]];
    ++least->experts;
    placement.rank_of[falling[placed]] = static_cast<int>(least - all.begin());
  }
  std::vector<int> slots(static_cast<std::size_t>(ranks));
  for (std::size_t e = 0; e < load.size(); ++e)
    placement.slot_of[e] = slots[static_cast<std::size_t>(placement.rank_of[e])]++;
  return placement;
}

std::string described(const Placement& placement, std::span<const double> load, int ranks) {
  const double all = std::max(1e-300, std::accumulate(load.begin(), load.end(), 0.0));
  std::string line = ranks > placement.ranks
                         ? text("experts, in ", ranks / placement.ranks, " groups of ", placement.ranks, " ranks:")
                         : "experts:";
  for (int r = 0; r < placement.ranks; ++r) {
    double own = 0;
    line += text(r ? ", " : " ", "rank ", r, " experts");
    for (const int e : placement.of_rank(r)) {
      line += text(" ", e);
      own += load[static_cast<std::size_t>(e)];
    }
    char share[32];
    std::snprintf(share, sizeof share, "%.1f", 100 * own / all);
    line += text(" (", share, " % of the load)");
  }
  return line;
}

}  // namespace mvmoe
