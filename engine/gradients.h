// engine/gradients.h: sums the gradients of a batch's lanes. The bits of the sum are the same for any thread count.
//
// Addition of floats is not associative, so the order is part of the result. The configuration groups lanes into
// blocks. A thread computes the gradient of a block into its own buffer. Then it merges the buffer into the total:
// total = ((b0 + b1) + b2) + ..., always in this order. Merging goes chunk by chunk. At each chunk a thread waits only
// until the block before has merged that chunk. So threads merge one behind the other, as in a pipeline. Memory is one
// buffer per thread and the total, not one buffer per block, and there is no barrier between blocks.
//
// Chunks are merged from the last to the first, because backward completes the gradients in this order. So chunks of
// the last block are merged while its last lane still runs. A chunk that all blocks have merged is summed over the
// ranks at the same time.
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
  // `own`: the range of parameters that not every rank has (experts). It is summed over `peers`, the ranks that have
  // the same ones; null: no other rank has them. `peers` must outlive this object.
  Gradients(std::size_t block_size, int threads, Range own = {}, Comm* peers = nullptr);
  ~Gradients();
  Gradients(const Gradients&) = delete;
  Gradients& operator=(const Gradients&) = delete;

  // Begins a step: no block is merged. Buffers are zero already, because a merge zeroes them. After an abandoned step
  // they are zeroed here.
  void begin();

  // Begins another part of the same step: blocks are counted from 0 again, and merges add to the total.
  void go_on();

  const Block& buffer(int thread) const { return buffers_[static_cast<std::size_t>(thread)]; }
  const Block& total() const { return total_; }

  // Call it before blocks 0 .. blocks - 1 are merged. They add to this range only. With `comm`, each chunk of the range
  // is summed over the ranks (the part inside `own`, over the peers) when the last block has merged it. Null: no sum
  // over ranks. The ranges of a step are equal or do not overlap.
  void expect(int blocks, Comm* comm, Range range);
  Range all() const { return {0, total_.size()}; }
  // Waits until the sums over ranks are done. Collective: every rank must call it.
  void finish_sums();

  // Of the numbers that were summed over the ranks in the last step: the fraction that could be summed, and the
  // fraction that was summed, before the last lane ended.
  double hideable() const { return share(early_); }
  double hidden() const { return share(hidden_); }

  // Merges the part of the thread's block that is complete: offset `open_until` to the end. Stops at the first chunk at
  // which it would have to wait.
  void merge_complete(int thread, int block, std::size_t open_until);

  // Adds the thread's buffer to the total as block number `block`, and zeroes the buffer. Each block is merged once.
  // Blocks are started in rising order, so the block that is waited for has a thread already. After `abandon` it
  // returns at once: a thread that failed must not leave the others waiting.
  void merge(int thread, int block);
  void abandon() { abandoned_.store(true); }

  // The norm of the gradient of all ranks; experts that several ranks have count once. Squares are summed in double by
  // fixed chunks, so the bits do not depend on the threads. Collective: every rank must call it.
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
  std::unique_ptr<std::atomic<int>[]> merged_;  // [chunks_] number of blocks that have merged the chunk
  std::vector<double> squares_, squares_own_;   // [chunks_]
  std::vector<std::size_t> left_;               // [threads] chunks of the thread's block that are not merged yet
  std::vector<Range> begun_;                    // ranges that were written in this step: add, do not overwrite
  bool adding_ = false;                         // range_ is one of begun_: block 0 is added, not copied
  int blocks_ = 0;
  Range range_;
  std::size_t first_chunk_ = 0, last_chunk_ = 0;  // chunks of range_: first_chunk_ .. last_chunk_ - 1
  Comm* comm_ = nullptr;
  std::size_t early_ = 0, hidden_ = 0;  // floats, see hideable() and hidden()
  std::atomic<bool> abandoned_{false};
};

}  // namespace mvmoe
