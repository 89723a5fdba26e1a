// tests/sanitize/seeded_race.cpp: a data race, made on purpose. `make tsan` is worth something only if it is reported.
//
// With the argument "race" two threads of a team count in one plain number; without it, each in its own, and the sum is
// taken after the team has met: of that, nothing must be reported.
#include <cstdio>
#include <cstring>

#include "engine/threads.h"

int main(int count, char** words) {
  const bool race = count == 2 && std::strcmp(words[1], "race") == 0;
  mvmoe::Threads threads(2);
  long counted[2] = {0, 0};
  for (int round = 0; round < 100; ++round)
    threads.run([&](int thread) {
      long& mine = counted[race ? 0 : thread];
      for (int i = 0; i < 1000; ++i) mine = mine + 1;
    });
  std::printf("counted to %ld\n", counted[0] + counted[1]);
}
