#include "engine/threads.h"

#include <sched.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/engine/helpers.h"

namespace mvmoe {
namespace {

TEST(Threads, RunsTheBodyOnceOnEachThread) {
  for (const int threads : {1, 2, 5}) {
    std::vector<std::atomic<int>> calls(static_cast<std::size_t>(threads));
    Threads team(threads);
    EXPECT_EQ(team.count(), threads);
    for (int round = 1; round <= 3; ++round) {
      team.run([&](int t) { ++calls[static_cast<std::size_t>(t)]; });
      for (const auto& c : calls) EXPECT_EQ(c.load(), round);
    }
  }
}

TEST(Threads, EachGivesEveryIndexOnce) {
  for (const int threads : {1, 2, 5})
    for (const std::size_t n : {0, 1, 4, 23}) {
      Threads team(threads);
      std::vector<std::atomic<int>> calls(n);
      team.each(n, [&](std::size_t i) { ++calls[i]; });
      for (const auto& c : calls) EXPECT_EQ(c.load(), 1);
    }
}

TEST(Threads, ThreadZeroIsTheCaller) {
  std::thread::id zero;
  Threads(2).run( [&](int t) {
    if (t == 0) zero = std::this_thread::get_id();
  });
  EXPECT_EQ(zero, std::this_thread::get_id());
}

TEST(Threads, AnExceptionOfAnyThreadReachesTheCaller) {
  Threads team(3);  // serves on after an exception
  for (int thrower = 0; thrower < 3; ++thrower)
    EXPECT_EQ(message_of([&] {
                team.run([&](int t) {
                  if (t == thrower) fail("lane ", t, " failed");
                });
              }),
              text("lane ", thrower, " failed"));
}

TEST(Threads, CoresFollowTheAffinityMask) {
  EXPECT_GE(available_cores(), 1);
  int cores = 0;
  std::thread limited([&] {  // the mask belongs to a thread: the test process keeps its own
    cpu_set_t all, one;
    ASSERT_EQ(sched_getaffinity(0, sizeof all, &all), 0);
    EXPECT_LE(available_cores(), CPU_COUNT(&all));
    CPU_ZERO(&one);
    for (int c = 0; c < CPU_SETSIZE; ++c)
      if (CPU_ISSET(c, &all)) {
        CPU_SET(c, &one);
        break;
      }
    ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
    cores = available_cores();
  });
  limited.join();
  EXPECT_EQ(cores, 1);
}

}  // namespace
}  // namespace mvmoe
