// tests/sanitize/seeded_race.cpp: a data race, made on purpose. `make tsan` is worth something only if it is reported.
//
// With the argument "race" two threads of a team count in one plain number; without it, each in its own, and the sum is
// taken after the team has met: of that, nothing must be reported.
#include <atomic>
#include <cstdio>
#include <cstring>

#include "engine/threads.h"

int main(int count, char** words) {
  const bool race = count == 2 && std::strcmp(words[1], "race") == 0;
  mvmoe::Threads threads(2);
  std::atomic<int> inside{0};
  long counted[2] = {0, 0};
  threads.run([&](int thread) {
    // Until both are inside: else one may be done, and the team's lock passed on, before the other begins, which is no
    // race. Relaxed: to wait like this puts nothing in order.
    inside.fetch_add(1, std::memory_order_relaxed);
    while (inside.load(std::memory_order_relaxed) < 2) std::this_thread::yield();
    long& mine = counted[race ? 0 : thread];
    for (int i = 0; i < 1000; ++i) mine = mine + 1;
  });
  std::printf("counted to %ld\n", counted[0] + counted[1]);
}
