// tools/cluster/network.cpp: how fast the network between the ranks is, by what training sends over it. A program of
// its own (make build/network), so that a cluster can be judged before anything trains on it:
//
//   mpirun -np 4 build/network [SECONDS a line at least, 1] [the only KINDS..]
//
// A line for each kind and size: kind, ranks, bytes on each rank, the median, fastest and slowest time in seconds (of
// the slowest rank each time); for sums also their error, relative to the norm of the sum in double.
//   send       rank 0's bytes to rank 1 and back, halved: what alpha and beta of a link are fitted to
//   sum        the bytes of all ranks summed on all, by the ring that sums gradients (engine/mpi/ring.h)
//   bf16 fp16  the same with --gradient-compression
//   library    the same by MPI_Iallreduce in place
//   exchange   each rank sends every other an equal part of its bytes, as images' tokens go to their experts
// Exits with 1 if two ranks have another sum.
#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "engine/mpi/ring.h"
#include "engine/random.h"

namespace {

using namespace mvmoe;

int rank = 0, ranks = 1;
std::vector<std::string> only;  // these kinds, where any is named

// Does the work until the time is over, at least 5 times, and prints a line; `ways` is how often the bytes went.
void measure(const char* kind, std::size_t bytes, double seconds, const std::function<void()>& work, int ways = 1,
             const std::string& error = "") {
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
  if (rank == 0)
    std::printf("%s %d %zu %.6f %.6f %.6f%s\n", kind, ranks, bytes, times[times.size() / 2], times.front(),
                times.back(), error.c_str());
  std::fflush(stdout);
}

bool wanted(const char* kind) { return only.empty() || std::find(only.begin(), only.end(), kind) != only.end(); }

constexpr std::size_t chunk = std::size_t{1}
                              << 16;  // numbers: gradients are complete in chunks of this size, from the end down

void sum_by_library(float* x, std::size_t n) {
  std::vector<MPI_Request> requests;
  for (std::size_t end = n; end > 0; end = (end - 1) / chunk * chunk) {
    const std::size_t first = (end - 1) / chunk * chunk;
    requests.emplace_back();
    MPI_Iallreduce(MPI_IN_PLACE, x + first, static_cast<int>(end - first), MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD,
                   &requests.back());
  }
  MPI_Waitall(static_cast<int>(requests.size()), requests.data(), MPI_STATUSES_IGNORE);
}

void sum_by_ring(RingSums& ring, float* x, std::size_t n) {
  for (std::size_t end = n; end > 0; end = (end - 1) / chunk * chunk) {
    const std::size_t first = (end - 1) / chunk * chunk;
    ring.start({x + first, end - first});
  }
  ring.end();
  while (!ring.proceed()) std::this_thread::yield();
  ring.take_summed();
}

// Numbers as gradients are, of each rank its own, summed once: the relative error; all ranks must have the same bits.
double error_of(const std::function<void(float*, std::size_t)>& sum, std::size_t n) {
  std::vector<float> x(n);
  Random random(7, Place::test, static_cast<std::uint64_t>(rank));
  for (float& value : x) value = random.normal() * std::exp2(random.uniform(-14, -7));
  std::vector<double> exact(x.begin(), x.end());
  MPI_Allreduce(MPI_IN_PLACE, exact.data(), static_cast<int>(n), MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
  sum(x.data(), n);
  std::vector<float> first = x;
  MPI_Bcast(first.data(), static_cast<int>(n), MPI_FLOAT, 0, MPI_COMM_WORLD);
  if (std::memcmp(first.data(), x.data(), n * sizeof(float)) != 0) {
    std::fprintf(stderr, "network: rank %d has another sum than rank 0, of %zu numbers\n", rank, n);
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  double errors = 0, squares = 0;
  for (std::size_t i = 0; i < n; ++i) errors += std::pow(x[i] - exact[i], 2), squares += exact[i] * exact[i];
  return std::sqrt(errors / squares);
}

void measure_sums(std::size_t bytes, double seconds) {
  std::vector<float> x(bytes / 4);
  const auto measure_sum = [&](const char* kind, const std::function<void(float*, std::size_t)>& sum) {
    if (!wanted(kind)) return;
    char error[32];
    std::snprintf(error, sizeof error, " %.3g", error_of(sum, x.size()));
    measure(
        kind, bytes, seconds, [&] { sum(x.data(), x.size()); }, 1, error);
  };
  const char* const kinds[] = {"sum", "bf16", "fp16"};  // as Compression has them
  for (int c = 0; c < 3 && ranks > 1; ++c) {
    RingSums ring(MPI_COMM_WORLD);
    ring.compress_by(static_cast<Compression>(c));
    measure_sum(kinds[c], [&](float* numbers, std::size_t n) { sum_by_ring(ring, numbers, n); });
  }
  measure_sum("library", sum_by_library);
}

void measure_sends(std::vector<float>& x, std::size_t bytes, double seconds) {
  const int n = static_cast<int>(bytes);
  if (!wanted("send") || ranks == 1) return;
  measure(
      "send", bytes, seconds,
      [&] {
        if (rank == 0) {
          MPI_Send(x.data(), n, MPI_BYTE, 1, 0, MPI_COMM_WORLD);
          MPI_Recv(x.data(), n, MPI_BYTE, 1, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        } else if (rank == 1) {
          MPI_Recv(x.data(), n, MPI_BYTE, 0, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
          MPI_Send(x.data(), n, MPI_BYTE, 0, 0, MPI_COMM_WORLD);
        }
      },
      2);
}

void measure_exchange(const std::vector<float>& x, std::vector<float>& y, std::size_t bytes, double seconds) {
  if (!wanted("exchange")) return;
  const int part = static_cast<int>(bytes) / ranks / 4;
  measure("exchange", bytes, seconds, [&] {
    MPI_Request request;
    MPI_Ialltoall(x.data(), part, MPI_FLOAT, y.data(), part, MPI_FLOAT, MPI_COMM_WORLD, &request);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
  });
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  const double seconds = argc > 1 ? std::atof(argv[1]) : 1;
  only.assign(argv + std::min(argc, 2), argv + argc);
  const std::size_t sizes[] = {8, 512, 1 << 15, 1 << 18, 1 << 21, 1 << 23}, largest = 1 << 23;  // bytes
  std::vector<float> x(largest / 4), y(largest / 4);
  if (rank == 0) std::printf("kind ranks bytes median_s fastest_s slowest_s error\n");
  for (const std::size_t bytes : sizes) measure_sends(x, bytes, seconds);
  for (const std::size_t bytes : sizes) measure_sums(bytes, seconds);
  for (const std::size_t bytes : sizes)
    if (bytes >= 512) measure_exchange(x, y, bytes, seconds);
  MPI_Finalize();
}
