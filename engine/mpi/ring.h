// engine/mpi/ring.h: large sums over the ranks, that proceed while other work goes on.
//
// A sum is cut into as many pieces as there are ranks. In N - 1 rounds every rank sends a piece to the next one and
// adds what the one before it sent: then each has one piece of the whole sum, and in N - 1 more these go round. So each
// byte crosses each link twice, whatever N (Patarasuk and Yuan 2009; MPI_Iallreduce in place is a tree in Open MPI 4.1,
// which sends all of it 2 log2 N times), and of ranks that share a host one stream leaves it. A piece is added up in
// one order and then copied: the same bits on all ranks, and for the same number of ranks in every run.
//
// Compressed, what is sent has two bytes a number, and is rounded in each round of adding, from the same bits on all
// ranks.
#pragma once
#include <mpi.h>

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "engine/compressed.h"

namespace mvmoe {

// The library must be held during each call. Where one of its calls fails, Error is thrown.
class RingSums {
 public:
  explicit RingSums(MPI_Comm comm);  // nobody else's, of two ranks at least
  void compress_by(Compression c) { compression_ = c; }

  // All ranks, the same pieces in the same order. Pieces that follow one another downwards in memory are cut anew into
  // sums that suit the number of ranks.
  void start(std::span<float> x);
  void end();  // no more comes before all is done

  // Does what can be done now, without waiting. True: nothing is left to do.
  bool proceed();
  bool idle() const { return queue_.empty() && gathered_.empty(); }  // as far as `proceed` has seen

  // Numbers in the sums that are done since the last call.
  std::size_t take_summed();

 private:
  struct Sum {
    std::span<float> x;
    int number = 0;                  // of all sums so far: it tells their messages apart
    int round = 0;                   // of 2 (ranks - 1)
    int under_way = 0;               // of the two messages of a round
    std::vector<std::byte> in, out;  // a piece each, in the form in which it is sent
  };
  static constexpr std::size_t at_once =
      16;  // sums: enough bytes to fill a fast network, not so many that they leave the cache

  void begin(std::size_t slot);
  void end_round(std::size_t slot);  // both messages of the slot's round are through: begins the next one
  void exchange(std::size_t slot);
  std::span<float> piece(const Sum& sum, int index) const;  // of any index, modulo ranks

  MPI_Comm comm_;
  int rank_ = 0, ranks_ = 1;
  Compression compression_ = Compression::none;
  std::span<float> gathered_;            // what has come since the last sum was queued
  std::vector<std::span<float>> queue_;  // sums, in order
  std::size_t first_ = 0, begun_ = 0;    // of the queue: all before are done; all from here on wait
  std::array<Sum, at_once> sums_;        // sum i of the queue is in slot i % at_once
  std::array<MPI_Request, 2 * at_once> requests_;
  std::size_t summed_ = 0;
  int number_ = 0;
};

}  // namespace mvmoe
