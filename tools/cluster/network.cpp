// tools/cluster/network.cpp: how fast the network between the ranks is, by what training sends over it. A program of its
// own (make build/network), so that a cluster can be judged before anything trains on it:
//
//   mpirun -np 4 build/network [SECONDS a line at least, 1] [the only KIND]
//
// A line for each kind and size: kind, ranks, bytes on each rank, the median, fastest and slowest time in seconds (of the
// slowest rank each time).
//   send       rank 0's bytes to rank 1 and back, halved: what alpha and beta of a link are fitted to
//   sum        the bytes of all ranks summed on all, in buckets of 4 MiB at once, as gradients are
//   apart      the same, but not in place: Open MPI 4.1 takes its ring for that, from 4 ranks on
//   exchange   each rank sends every other an equal part of its bytes, as images' tokens go to their experts
#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

namespace {

int rank = 0, ranks = 1;
std::string only;  // this kind, where one is named

// Does the work until the time is over, at least 5 times, and prints a line; `ways` is how often the bytes went.
void measure(const char* kind, std::size_t bytes, double seconds, const std::function<void()>& work, int ways = 1) {
  if (!only.empty() && only != kind) return;
  using Clock = std::chrono::steady_clock;
  std::vector<double> times;
  double all = 0;
  for (int turn = 0; turn < 6 || all < seconds; ++turn) {
    MPI_Barrier(MPI_COMM_WORLD);
    const auto start = Clock::now();
    work();
    double took = std::chrono::duration<double>(Clock::now() - start).count() / ways;
    MPI_Allreduce(MPI_IN_PLACE, &took, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    if (turn == 0) continue;  // connections are made, pages touched
    times.push_back(took);
    all += took * ways;
  }
  std::sort(times.begin(), times.end());
  if (rank == 0) std::printf("%s %d %zu %.6f %.6f %.6f\n", kind, ranks, bytes, times[times.size() / 2], times.front(), times.back());
  std::fflush(stdout);
}

// x [n] of all ranks summed into y, or into x where y is null.
void sum(std::vector<float>& x, std::vector<float>* y, std::size_t n) {
  constexpr std::size_t bucket = std::size_t{1} << 20;
  std::vector<MPI_Request> requests;
  for (std::size_t at = 0; at < n; at += bucket) {
    requests.emplace_back();
    const int part = static_cast<int>(std::min(bucket, n - at));
    MPI_Iallreduce(y ? x.data() + at : MPI_IN_PLACE, (y ? *y : x).data() + at, part, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD, &requests.back());
  }
  MPI_Waitall(static_cast<int>(requests.size()), requests.data(), MPI_STATUSES_IGNORE);
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  const double seconds = argc > 1 ? std::atof(argv[1]) : 1;
  if (argc > 2) only = argv[2];
  const std::size_t sizes[] = {8, 512, 1 << 15, 1 << 18, 1 << 21, 1 << 23}, largest = 1 << 23;  // bytes
  std::vector<float> x(largest / 4), y(largest / 4);
  if (rank == 0) std::printf("kind ranks bytes median_s fastest_s slowest_s\n");
  for (const std::size_t bytes : sizes) {
    if (ranks == 1) break;
    const int n = static_cast<int>(bytes);
    measure("send", bytes, seconds, [&] {
      if (rank == 0) {
        MPI_Send(x.data(), n, MPI_BYTE, 1, 0, MPI_COMM_WORLD);
        MPI_Recv(x.data(), n, MPI_BYTE, 1, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
      } else if (rank == 1) {
        MPI_Recv(x.data(), n, MPI_BYTE, 0, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        MPI_Send(x.data(), n, MPI_BYTE, 0, 0, MPI_COMM_WORLD);
      }
    }, 2);
  }
  for (const std::size_t bytes : sizes) {
    measure("sum", bytes, seconds, [&] { sum(x, nullptr, bytes / 4); });
    measure("apart", bytes, seconds, [&] { sum(x, &y, bytes / 4); });
  }
  for (const std::size_t bytes : sizes) {
    if (bytes < 512) continue;
    const int part = static_cast<int>(bytes) / ranks / 4;
    measure("exchange", bytes, seconds, [&] {
      MPI_Request request;
      MPI_Ialltoall(x.data(), part, MPI_FLOAT, y.data(), part, MPI_FLOAT, MPI_COMM_WORLD, &request);
      MPI_Wait(&request, MPI_STATUS_IGNORE);
    });
  }
  MPI_Finalize();
}
