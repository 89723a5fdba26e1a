// engine/mpi/library.h: how this program calls the MPI library: from one thread at a time, and never waiting inside it.
//
// Every operation is started, and then tested again and again until it is done. In between the pulse
// (engine/mpi/pulse.h) can call the library, and running sums make progress. A process has one MpiLibrary; split
// communicators share it.
#pragma once
#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "engine/mpi/check.h"
#include "engine/mpi/pulse.h"
#include "engine/mpi/ring.h"

namespace mvmoe {

struct MpiLibrary {
  std::mutex mutex;  // held during each call of the library
  std::vector<RingSums*> rings;
  Compression compression = Compression::none;
  std::unique_ptr<Pulse> pulse;
  double waited_s = 0;

  // Lets all sums make progress, without waiting. The mutex must be held. True: all sums are done.
  bool proceed() {
    bool done = true;
    for (RingSums* ring : rings) done = ring->proceed() && done;
    return done;
  }

  // Calls done() until it is true. For the first 20 ms it only yields the core between two calls, because most waits
  // are short; then it sleeps between them. False: not done within patience_s seconds (below 0: waits without end).
  template <class Done>
  bool until(const Done& done, double patience_s = -1) {
    using Clock = std::chrono::steady_clock;
    const auto start = Clock::now();
    for (;;) {
      bool over;
      {
        const std::lock_guard lock(mutex);
        over = done();
      }
      const double waited = std::chrono::duration<double>(Clock::now() - start).count();
      if (over) {
        waited_s += waited;
        return true;
      }
      if (patience_s >= 0 && waited > patience_s) return false;
      if (waited < 0.02) std::this_thread::yield();
      else std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
  }

  bool wait(std::span<MPI_Request> all, const char* what, double patience_s = -1) {
    return until(
        [&] {
          proceed();  // running sums make progress meanwhile
          int done = 0;
          check_mpi(MPI_Testall(static_cast<int>(all.size()), all.data(), &done, MPI_STATUSES_IGNORE), what);
          return done != 0;
        },
        patience_s);
  }

  template <class Start>
  bool run(const char* what, const Start& start, double patience_s = -1) {
    MPI_Request request;
    {
      const std::lock_guard lock(mutex);
      check_mpi(start(&request), what);
    }
    return wait({&request, 1}, what, patience_s);
  }

  std::size_t finish_sums() {
    std::size_t before = 0;
    {
      const std::lock_guard lock(mutex);
      for (RingSums* ring : rings) {
        ring->end();
        before += ring->take_summed();
      }
    }
    until([&] { return proceed(); });
    for (RingSums* ring : rings) ring->take_summed();
    return before;
  }
};

}  // namespace mvmoe
