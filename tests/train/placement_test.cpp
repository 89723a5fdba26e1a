// Which rank an expert lives on. Wrong but plausible, and what shows it: experts dealt in turn (unequal loads), the
// largest to the fullest rank, a rank left empty where experts weigh nothing, slots in the order of placing instead of
// rising.
#include "train/experts/placement.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/engine/helpers.h"

namespace mvmoe {
namespace {

std::vector<double> loads_of_ranks(const Placement& p, const std::vector<double>& load, int ranks) {
  std::vector<double> sums(static_cast<std::size_t>(ranks));
  for (std::size_t e = 0; e < load.size(); ++e) sums[static_cast<std::size_t>(p.rank_of[e])] += load[e];
  return sums;
}

TEST(Placement, TheLargestFirstToTheRankThatHasLeast) {
  const std::vector<double> load{
      7, 1, 5, 3, 2, 6};  // 7 | 6 | then 5 to the second, 3 to the first, 2 to the first, 1 to the second
  const Placement p = place_experts(load, 2);
  EXPECT_EQ(p.rank_of, (std::vector<int>{0, 1, 1, 0, 0, 1}));
  EXPECT_EQ(p.slot_of, (std::vector<int>{0, 0, 1, 1, 2, 2}));
  EXPECT_EQ(p.of_rank(0), (std::vector<int>{0, 3, 4}));
  EXPECT_EQ(p.of_rank(1), (std::vector<int>{1, 2, 5}));
  EXPECT_EQ(described(p, load, 2),
            "experts: rank 0 experts 0 3 4 (50.0 % of the load), rank 1 experts 1 2 5 (50.0 % of the load)");
  EXPECT_TRUE(p.spread());
  EXPECT_FALSE(Placement{}.spread());
}

TEST(Placement, OneLargeExpertHasARankAlmostToItself) {
  const std::vector<double> load{1, 1, 20, 1, 1, 1, 1};
  EXPECT_EQ(loads_of_ranks(place_experts(load, 3), load, 3), (std::vector<double>{20, 3, 3}));
}

TEST(Placement, EqualLoadsAreDealtEvenly) {
  for (int ranks = 1; ranks <= 7; ++ranks) {
    const std::vector<double> load(10, 2.5);
    auto sums = loads_of_ranks(place_experts(load, ranks), load, ranks);
    std::sort(sums.begin(), sums.end());
    EXPECT_LE(sums.back() - sums.front(), 2.5) << ranks;
  }
}

// Graham's bound for the longest first: at most 4/3 - 1/(3 ranks) of the best, which is at least the mean and the
// largest.
TEST(Placement, IsNeverFarFromTheBest) {
  for (int seed = 0; seed < 50; ++seed) {
    std::vector<double> load;
    for (int e = 0; e < 12; ++e) load.push_back(1 + (seed * 7919 + e * e * 104729) % 97);
    for (int ranks = 2; ranks <= 5; ++ranks) {
      const auto sums = loads_of_ranks(place_experts(load, ranks), load, ranks);
      double all = 0;
      for (const double l : load) all += l;
      const double most = *std::max_element(sums.begin(), sums.end()),
                   largest = *std::max_element(load.begin(), load.end());
      EXPECT_LE(most, std::max(all / ranks + largest * (1 - 1.0 / ranks), largest) + 1e-9);
    }
  }
}

TEST(Placement, NoRankStaysEmpty) {
  for (const std::vector<double>& load : {std::vector<double>{0, 0, 0, 0}, {5, 0, 0, 0}, {5, 4, 0, 0}})
    for (int ranks = 1; ranks <= 4; ++ranks) {
      const Placement p = place_experts(load, ranks);
      for (int r = 0; r < ranks; ++r) EXPECT_FALSE(p.of_rank(r).empty()) << "rank " << r << " of " << ranks;
    }
  EXPECT_THROW(place_experts(std::vector<double>{1, 1}, 3), Error);
}

TEST(Placement, EachGroupHasTheSame) {
  const std::vector<double> load{1, 3, 1, 1};
  const Placement p = place_experts(load, 2);
  for (int rank = 0; rank < 8; ++rank) {
    EXPECT_EQ(p.of_rank(rank), (rank % 2 ? std::vector<int>{0, 2, 3} : std::vector<int>{1})) << "rank " << rank;
    EXPECT_EQ(p.count_of_rank(rank), rank % 2 ? 3 : 1) << "rank " << rank;
  }
  EXPECT_EQ(Placement{}.count_of_rank(1), 0);
  EXPECT_EQ(described(p, load, 8),
            "experts, in 4 groups of 2 ranks: rank 0 experts 1 (50.0 % of the load), rank 1 experts 0 2 3 (50.0 % of "
            "the load)");
}

}  // namespace
}  // namespace mvmoe
