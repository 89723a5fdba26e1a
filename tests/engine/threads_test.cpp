#include "engine/threads.h"

#include <atomic>
#include <chrono>
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

// Many calls at once behind another, so that late threads meet the next one; then a pause, so that they sleep.
TEST(Threads, ShareGivesEveryPieceOnceAndWaitsForIt) {
  for (const int threads : {1, 2, 3, 8}) {
    Threads team(threads);
    std::vector<int> calls(70);  // not atomic: a piece has one thread, and share waits
    for (int round = 1; round <= 2000; ++round) {
      const int n = round % 71;
      team.share(n, [&](int piece, int thread) {
        EXPECT_TRUE(thread >= 0 && thread < threads);
        ++calls[static_cast<std::size_t>(piece)];
      });
      if (round % 500 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
      if (round % 700 == 0) team.run([](int) {});
    }
    for (int piece = 0; piece < 70; ++piece) {
      int expected = 0;
      for (int round = 1; round <= 2000; ++round) expected += piece < round % 71;
      ASSERT_EQ(calls[static_cast<std::size_t>(piece)], expected) << "piece " << piece << ", " << threads << " threads";
    }
  }
}

TEST(Threads, AnExceptionInAPieceReachesTheCaller) {
  for (const int threads : {1, 3}) {
    Threads team(threads);
    for (int thrower = 0; thrower < 5; ++thrower)
      EXPECT_EQ(message_of([&] {
                  team.share(5, [&](int piece, int) {
                    if (piece == thrower) fail("piece ", piece, " failed");
                  });
                }),
                text("piece ", thrower, " failed"));
  }
}

TEST(Threads, ThreadZeroIsTheCaller) {
  std::thread::id zero;
  Threads(2).run([&](int t) {
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
