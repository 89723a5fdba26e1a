// engine/comm.h in a process that is alone; several ranks: tests/cli/ranks.sh, which also starts RanksComm from here in
// two. Wrong but plausible, and what shows it: a sum that clears or doubles what one rank has; an error on rank 0 that
// changes its kind (usage is exit code 2, not 1); of a step that failed, a gradient that is freed while the others
// still sum it.
#include "engine/comm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "engine/error.h"
#include "engine/gradients.h"

namespace mvmoe {
namespace {

TEST(Comm, AloneChangesNothing) {
  Comm comm;
  EXPECT_EQ(comm.rank(), 0);
  EXPECT_EQ(comm.ranks(), 1);
  EXPECT_TRUE(comm.first());
  std::vector<float> floats{1.5f, -2, 3};
  std::vector<double> doubles{1, 1e300};
  comm.sum(std::span<float>(floats));
  comm.sum(std::span<double>(doubles));
  EXPECT_EQ(floats, (std::vector<float>{1.5f, -2, 3}));
  EXPECT_EQ(doubles, (std::vector<double>{1, 1e300}));
  EXPECT_EQ(comm.sum(7.0), 7.0);
  EXPECT_FALSE(comm.sums_under_way());
  EXPECT_EQ(comm.split(3).ranks(), 1);
  EXPECT_EQ(comm.broadcast("text"), "text");
  EXPECT_EQ(comm.gather("text"), std::vector<std::string>{"text"});
  EXPECT_EQ(comm.gather_at_end("text", 0), std::vector<std::string>{"text"});
  comm.require_same("anything", "whatever");
  const std::vector<int> two{2};
  std::vector<float> records(6);
  comm.exchange(std::vector<float>{1, 2, 3, 4, 5, 6}, two, records, two, 3);
  EXPECT_EQ(records, (std::vector<float>{1, 2, 3, 4, 5, 6}));
}

TEST(Comm, OnFirstRunsOnceAndKeepsTheKindOfAnError) {
  Comm comm;
  int runs = 0;
  comm.on_first([&] { ++runs; });
  EXPECT_EQ(runs, 1);
  EXPECT_THROW(comm.on_first([] { fail_usage("--lr: wrong"); }), UsageError);
  try {
    comm.on_first([] { fail("disk: full"); });
    FAIL() << "nothing was thrown";
  } catch (const UsageError&) {
    FAIL() << "an error of the work became one of usage";
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "disk: full");
  }
}

TEST(Comm, EverywhereKeepsTheErrorAndItsKind) {
  Comm comm;
  int runs = 0;
  comm.everywhere([&] { ++runs; });
  EXPECT_EQ(runs, 1);
  try {
    comm.everywhere([] { fail_usage("--data: wrong"); });
    FAIL() << "nothing was thrown";
  } catch (const UsageError& e) {
    EXPECT_STREQ(e.what(), "--data: wrong");
  }
}

// A step that fails while its gradient is summed: the other rank goes on with the sum, into what the failed one has
// freed.
TEST(RanksComm, ASumUnderWayKeepsItsMemory) {
  Comm comm = Comm::join([](const std::string& line) { ADD_FAILURE() << line; });
  if (comm.ranks() == 1) GTEST_SKIP() << "is for several ranks";
  if (!comm.first()) comm.gather("");  // rank 0 has failed by now
  {
    Gradients gradients(std::size_t{1} << 22, 1);  // 16 MiB: freed, it is no longer mapped
    gradients.begin();
    gradients.expect(1, &comm, gradients.all());
    std::fill_n(gradients.buffer(0).data(), gradients.buffer(0).size(), 1.0f);
    gradients.merge(0, 0);
    EXPECT_TRUE(comm.sums_under_way());
  }
  if (comm.first()) comm.gather("");
  EXPECT_EQ(comm.gather_at_end("text", 60), (std::vector<std::string>(static_cast<std::size_t>(comm.ranks()), "text")));
}

}  // namespace
}  // namespace mvmoe
