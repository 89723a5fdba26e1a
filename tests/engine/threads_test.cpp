#include "engine/threads.h"

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

}  // namespace
}  // namespace mvmoe
