// engine/threads.h: how many cores this process may use, and one parallel region.
//
// Threads stand outside (a lane of images each), kernels are single-threaded code. Results never depend on the
// number of threads: work is cut by the shapes alone, and threads only decide who does which piece.
#pragma once
#include <omp.h>

#include <exception>

namespace mvmoe {

// Cores this process may use: affinity mask and cgroup quota (v2 and v1), at least 1.
int available_cores();

// Called once at the start of a program: outside a parallel region, too, one thread calls oneDNN, because its
// product can differ in the last bits between one thread and two.
void single_threaded_outside();

// Runs body(thread) on `threads` threads, 0 being the caller. The first exception is thrown again on the caller.
// Inside, OpenMP (and so oneDNN) sees a parallel region and stays single-threaded.
template <class Body>
void parallel(int threads, const Body& body) {
  std::exception_ptr failure;
#pragma omp parallel num_threads(threads)
  {
    try {
      body(omp_get_thread_num());
    } catch (...) {
#pragma omp critical(mvmoe_parallel_failure)
      if (!failure) failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace mvmoe
