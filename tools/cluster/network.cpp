// tools/cluster/network.cpp: how fast the network between the ranks is, by what training sends over it. A program of its
// own (make build/cluster/network), so that a cluster can be judged before anything trains on it:
//
//   mpirun -np 4 build/cluster/network [SECONDS a line, 1]
//
// A line for each kind and size: kind, ranks, bytes on each rank, the median, fastest and slowest time in seconds (of the
// slowest rank each time).
//   send       rank 0's bytes to rank 1 and back, halved: what alpha and beta of a link are fitted to
//   sum        the bytes of all ranks summed on all, in buckets of 4 MiB at once, as gradients are
//   exchange   each rank sends every other an equal part of its bytes, as images' tokens go to their experts
#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <vector>

namespace {

int rank = 0, ranks = 1;

// Runs work in turn until the time is over, at least 5 times, and prints a line.
void measure(const char* kind, std::size_t bytes, double seconds, const std::function<void()>& work) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> times;
  double all = 0;
  for (int turn = 0; turn < 6 || all < seconds; ++turn) {
    MPI_Barrier(MPI_COMM_WORLD);
    const auto start = Clock::now();
    work();
    double took = std::chrono::duration<double>(Clock::now() - start).count();
    MPI_Allreduce(MPI_IN_PLACE, &took, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    if (turn == 0) continue;  // connections are made, pages touched
    times.push_back(took);
    all += took;
  }
  std::sort(times.begin(), times.end());
  if (rank == 0) std::printf("%s %d %zu %.6f %.6f %.6f\n", kind, ranks, bytes, times[times.size() / 2], times.front(), times.back());
  std::fflush(stdout);
}

void sum(std::vector<float>& x, std::vector<float>& y, std::size_t n, bool in_place) {
  constexpr std::size_t bucket = std::size_t{1} << 20;
  std::vector<MPI_Request> requests;
  for (std::size_t at = 0; at < n; at += bucket) {
    requests.emplace_back();
    MPI_Iallreduce(in_place ? MPI_IN_PLACE : x.data() + at, (in_place ? x : y).data() + at, static_cast<int>(std::min(bucket, n - at)), MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD, &requests.back());
  }
  MPI_Waitall(static_cast<int>(requests.size()), requests.data(), MPI_STATUSES_IGNORE);
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  const double seconds = argc > 1 ? std::atof(argv[1]) : 1;
  const std::size_t largest = std::size_t{1} << 24;  // bytes
  std::vector<float> x(largest / 4, 1.0f), y(largest / 4);
  if (rank == 0) std::printf("kind ranks bytes median_s fastest_s slowest_s\n");
  for (std::size_t bytes = 4; bytes <= largest && ranks > 1; bytes *= 8) {
    const int n = static_cast<int>(bytes);
    measure("send*2", bytes, seconds, [&] {
      if (rank == 0) {
        MPI_Send(x.data(), n, MPI_BYTE, 1, 0, MPI_COMM_WORLD);
        MPI_Recv(x.data(), n, MPI_BYTE, 1, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
      } else if (rank == 1) {
        MPI_Recv(x.data(), n, MPI_BYTE, 0, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        MPI_Send(x.data(), n, MPI_BYTE, 0, 0, MPI_COMM_WORLD);
      }
    });
  }
  for (std::size_t bytes = 4; bytes <= largest; bytes *= 8) {
    measure("sum-inplace", bytes, seconds, [&] { sum(x, y, bytes / 4, true); });
    measure("sum-apart", bytes, seconds, [&] { sum(x, y, bytes / 4, false); });
    measure("sum-blocking", bytes, seconds, [&] { MPI_Allreduce(MPI_IN_PLACE, x.data(), static_cast<int>(bytes / 4), MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);});
  }
  for (std::size_t bytes = 512; bytes <= largest; bytes *= 8) {
    const int part = static_cast<int>(bytes) / ranks / 4;
    measure("exchange", bytes, seconds, [&] {
      MPI_Request request;
      MPI_Ialltoall(x.data(), part, MPI_FLOAT, y.data(), part, MPI_FLOAT, MPI_COMM_WORLD, &request);
      MPI_Wait(&request, MPI_STATUS_IGNORE);
    });
  }
  MPI_Finalize();
}
