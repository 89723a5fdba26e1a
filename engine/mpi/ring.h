// engine/mpi/ring.h: large sums over the ranks, which make progress while other work goes on.
//
// The N ranks form a ring. A sum is cut into N pieces. In each of N - 1 rounds every rank sends a piece to the next
// rank, and adds the piece that it receives. Then each rank has one piece of the complete sum. In N - 1 more rounds the
// complete pieces go around the ring. So each byte crosses each link twice, whatever N is (Patarasuk and Yuan 2009). In
// Open MPI 4.1, MPI_Iallreduce in place is a tree, which sends everything 2 log2 N times. If several ranks share a
// host, only one stream leaves the host. Each piece is added in one order and then copied. So the bits are the same on
// all ranks, and in every run with the same number of ranks.
//
// With compression each number is sent in two bytes. It is rounded in each round of adding. All ranks then copy the
// same rounded bits.
#pragma once
#include <mpi.h>

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "engine/compressed.h"

namespace mvmoe {

// The mutex of MpiLibrary must be held during each call. Throws Error if a call of the MPI library fails.
class RingSums {
 public:
  explicit RingSums(MPI_Comm comm);  // used by this object only; of at least two ranks
  void compress_by(Compression c) { compression_ = c; }

  // Begins to sum x. Pieces that go down in memory without a gap are joined, and cut into sums of a size that suits the
  // number of ranks. Collective: every rank must start the same pieces in the same order.
  void start(std::span<float> x);
  void end();  // no more pieces come until all sums are done

  // Makes progress without waiting. True: all sums are done.
  bool proceed();
  bool idle() const { return queue_.empty() && gathered_.empty(); }  // as of the last `proceed`

  // How many numbers were summed since the last call.
  std::size_t take_summed();

 private:
  struct Sum {
    std::span<float> x;
    int number = 0;                  // counts all sums; the tag of the sum's messages
    int round = 0;                   // 0 .. 2 (ranks - 1) - 1
    int under_way = 0;               // messages of the round that are not done, of two
    std::vector<std::byte> in, out;  // a received and a sent piece, compressed if sums are
  };
  // Sums that run at the same time: enough bytes to fill a fast network, few enough to stay in the cache.
  static constexpr std::size_t at_once = 16;

  void begin(std::size_t slot);
  void end_round(std::size_t slot);  // both messages of the slot's round are done: begins the next round
  void exchange(std::size_t slot);
  std::span<float> piece(const Sum& sum, int index) const;  // `index` modulo ranks

  MPI_Comm comm_;
  int rank_ = 0, ranks_ = 1;
  Compression compression_ = Compression::none;
  std::span<float> gathered_;            // pieces joined since the last sum was queued
  std::vector<std::span<float>> queue_;  // sums, in order
  std::size_t first_ = 0, begun_ = 0;    // queue_: sums before first_ are done; sums from begun_ on wait
  std::array<Sum, at_once> sums_;        // sum i of the queue is in slot i % at_once
  std::array<MPI_Request, 2 * at_once> requests_;
  std::size_t summed_ = 0;
  int number_ = 0;
};

}  // namespace mvmoe
