// engine/gradients.h: the gradient of a batch as a sum over blocks of lanes, the same bits for any thread count.
//
// Addition of floats is not associative, so the order is part of the result. A batch's lanes are grouped into
// blocks, fixed by the configuration. A thread computes a whole block's gradient into a buffer of its own and then
// merges it: total = ((b0 + b1) + b2) + ... , always in this order. Merging goes chunk by chunk, and a thread waits
// at a chunk only until the block before it has passed: many threads merge one behind the other, as in a pipeline.
// So memory is one buffer a thread and the total, not one buffer a block, and no barrier stands between blocks.
//
// Chunks are merged from the last to the first, as backward completes the gradients: the last block's can be merged
// while its last lane is still running, and what all blocks have passed is summed over the ranks meanwhile.
#pragma once
#include <algorithm>
#include <atomic>
#include <memory>
#include <vector>

#include "engine/comm.h"
#include "engine/parameter.h"
#include "engine/threads.h"

namespace mvmoe {

class Gradients {
 public:
  // `own`: what not every rank has. It is summed over `peers`, those that have it; null: no other has.
  // Both must outlive this.
  Gradients(std::size_t block_size, int threads, Range own = {}, Comm* peers = nullptr);
  ~Gradients();
  Gradients(const Gradients&) = delete;
  Gradients& operator=(const Gradients&) = delete;

  // Before a step: forgets which blocks were merged. Buffers are zero already: a merge leaves them so, and what an
  // abandoned step left is cleared here.
  void begin();

  // Between two parts of one step: blocks are counted from 0 again, and what is merged is added to the total.
  void go_on();

  const Block& buffer(int thread) const { return buffers_[static_cast<std::size_t>(thread)]; }
  const Block& total() const { return total_; }

  // Before blocks 0 .. blocks - 1 are merged, which add to this range alone: with `comm`, the range of the total is
  // summed over its ranks (what lies in `own`, over the peers), chunk by chunk as the last block passes; null: it is
  // not. A step's ranges do not overlap.
  void expect(int blocks, Comm* comm, Range range);
  Range all() const { return {0, total_.size()}; }
  // Ends the sums over ranks. All ranks.
  void finish_sums();

  // Shares of what is summed over the ranks, of the last time: what could be while a lane was still running, and what
  // was.
  double hideable() const { return share(early_); }
  double hidden() const { return share(hidden_); }

  // Merges, without waiting, what of the thread's block is complete: all behind `open_until`.
  void merge_complete(int thread, int block, std::size_t open_until);

  // Adds the thread's buffer to the total as block number `block`, and zeroes the buffer. Each block is merged once;
  // blocks are started in rising order, so the one that is waited for is always under way. After `abandon` it
  // returns at once, so that a thread that failed does not leave the others waiting.
  void merge(int thread, int block);
  void abandon() { abandoned_.store(true); }

  // The norm of the total, with what each of the ranks has as its own, counted once of those that have the same:
  // squares summed in double by fixed chunks, so its bits do not depend on the threads. All ranks.
  double norm(Threads& threads, Comm& comm);

 private:
  void merge_down_to(int thread, int block, std::size_t chunk, bool wait);
  double share(std::size_t numbers) const {
    const std::size_t summed = total_.size() - (peers_ ? 0 : own_.end - own_.begin);
    return std::min(1.0, static_cast<double>(numbers) / static_cast<double>(std::max<std::size_t>(1, summed)));
  }

  std::size_t chunks_;
  Range own_;
  Comm* peers_;
  Block total_;
  std::vector<Block> buffers_;
  std::unique_ptr<std::atomic<int>[]> merged_;  // [chunks_]: blocks that have passed
  std::vector<double> squares_, squares_own_;   // [chunks_]
  std::vector<std::size_t> left_;               // [threads] chunks of its block that are not merged yet
  std::vector<Range> begun_;                    // of this step: to these the total has something
  bool adding_ = false;                         // the range is one of them: block 0 too is added
  int blocks_ = 0;
  Range range_;
  std::size_t first_chunk_ = 0, last_chunk_ = 0;  // of the range; the last is the one behind it
  Comm* comm_ = nullptr;
  std::size_t early_ = 0, hidden_ = 0;  // numbers
  std::atomic<bool> abandoned_{false};
};

}  // namespace mvmoe
