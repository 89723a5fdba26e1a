// How many ranks a group has. Wrong but plausible, and what shows it: the number of experts where it does not divide
// the ranks, a divisor that is not the largest or is larger than the experts, ranks below the experts dealt into
// groups, a group of one. What groups do with several ranks: tests/cli/expert_parallel.sh.
#include "train/experts/groups.h"

#include <gtest/gtest.h>

#include "tests/engine/helpers.h"

namespace mvmoe {
namespace {

TEST(Groups, TheLargestDivisorThatLeavesNoRankWithoutAnExpert) {
  struct Case {
    int experts, ranks, size;
  };
  for (const Case& c : {Case{10, 16, 8},
                        {10, 64, 8},
                        {10, 20, 10},
                        {10, 12, 6},
                        {10, 22, 2},
                        {10, 15, 5},
                        {10, 21, 7},
                        {3, 4, 2},
                        {2, 4, 2},
                        {2, 1024, 2},
                        {64, 96, 48},
                        {7, 49, 7}})
    EXPECT_EQ(group_size(c.experts, c.ranks), c.size) << c.experts << " experts, " << c.ranks << " ranks";
}

TEST(Groups, RanksThatAreNoMoreThanTheExpertsAreOne) {
  for (int experts = 1; experts <= 12; ++experts)
    for (int ranks = 1; ranks <= experts; ++ranks)
      EXPECT_EQ(group_size(experts, ranks), ranks) << experts << " experts";
}

TEST(Groups, ARefusalNamesNumbersOfRanksThatWouldDo) {
  EXPECT_EQ(message_of<UsageError>([] { group_size(10, 13); }),
            "--expert-parallel: 13 ranks cannot be dealt into equal groups of 2 to 10 ranks, one for each expert at "
            "most: 12 or 14 ranks can");
  EXPECT_EQ(message_of<UsageError>([] { group_size(2, 9); }),
            "--expert-parallel: 9 ranks cannot be dealt into equal groups of 2 ranks, one for each expert at most: 8 "
            "or 10 ranks can");
  EXPECT_EQ(message_of<UsageError>([] { group_size(1, 2); }),
            "--expert-parallel: 1 expert cannot be shared out among 2 ranks: it takes 2 experts, or one rank");
  for (int experts = 2; experts <= 12; ++experts)
    for (int ranks = experts + 1; ranks <= 200; ++ranks) {
      const std::string said = message_of<UsageError>([&] { group_size(experts, ranks); });
      if (said == "nothing was thrown") continue;
      EXPECT_GT(group_size(experts, ranks - 1), 1) << said;
      EXPECT_GT(group_size(experts, ranks + 1), 1) << said;
    }
}

// Alone there is nobody to be a group with.
TEST(Groups, OneGroupIsNone) {
  Comm alone;
  for (Comm* comm : {static_cast<Comm*>(nullptr), &alone})
    for (const int size : {0, 1}) {
      Groups groups(comm, size);
      EXPECT_EQ(groups.group(), nullptr);
      EXPECT_EQ(groups.peers(), nullptr);
    }
}

}  // namespace
}  // namespace mvmoe
