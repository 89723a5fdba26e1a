#include "engine/gradients.h"

#include <algorithm>
#include <cmath>
#include <thread>

namespace mvmoe {
namespace {

constexpr std::size_t chunk_floats = 1u << 16;  // 256 KiB: a buffer's and the total's fit the second-level cache

}  // namespace

Gradients::Gradients(std::size_t block_size, int threads, Range own, Comm* peers)
    : chunks_((block_size + chunk_floats - 1) / chunk_floats),
      own_(own),
      peers_(peers),
      total_(block_size),
      merged_(new std::atomic<int>[chunks_]),
      squares_(chunks_),
      squares_own_(chunks_),
      left_(static_cast<std::size_t>(threads)) {
  for (int t = 0; t < threads; ++t) buffers_.emplace_back(block_size);
  expect(0, nullptr, all());
  begin();
}

// If a step failed, sums over ranks may still run, and the other ranks continue them. Then the total must not be freed:
// it is leaked on purpose.
Gradients::~Gradients() {
  if ((comm_ && comm_->sums_under_way()) || (peers_ && peers_->sums_under_way()))
    static_cast<void>(new Block(std::move(total_)));
}

void Gradients::go_on() {
  for (std::size_t c = 0; c < chunks_; ++c) merged_[c].store(0, std::memory_order_relaxed);
  std::fill(left_.begin(), left_.end(), last_chunk_);
}

void Gradients::begin() {
  go_on();
  begun_.clear();
  early_ = 0;
  if (!abandoned_.exchange(false)) return;
  for (const Block& buffer : buffers_) std::fill_n(buffer.data(), buffer.size(), 0.0f);
}

void Gradients::expect(int blocks, Comm* comm, Range range) {
  blocks_ = blocks;
  comm_ = comm && comm->ranks() > 1 ? comm : nullptr;
  range_ = range;
  adding_ = std::find(begun_.begin(), begun_.end(), range) != begun_.end();
  if (!adding_) begun_.push_back(range);
  first_chunk_ = range.begin / chunk_floats;
  last_chunk_ = (range.end + chunk_floats - 1) / chunk_floats;
  std::fill(left_.begin(), left_.end(), last_chunk_);
}

void Gradients::finish_sums() {
  if (comm_) hidden_ = comm_->finish_sums();
}

void Gradients::merge_complete(int thread, int block, std::size_t open_until) {
  merge_down_to(thread, block, (open_until + chunk_floats - 1) / chunk_floats, false);
}

void Gradients::merge(int thread, int block) {
  merge_down_to(thread, block, 0, true);
  left_[static_cast<std::size_t>(thread)] = last_chunk_;
}

void Gradients::merge_down_to(int thread, int block, std::size_t chunk, bool wait) {
  float* buffer = buffers_[static_cast<std::size_t>(thread)].data();
  for (std::size_t& left = left_[static_cast<std::size_t>(thread)]; left > std::max(chunk, first_chunk_); --left) {
    const std::size_t c = left - 1;
    while (merged_[c].load(std::memory_order_acquire) != block) {
      if (!wait || abandoned_.load(std::memory_order_relaxed)) return;
      std::this_thread::yield();
    }
    const std::size_t first = std::max(c * chunk_floats, range_.begin),
                      last = std::min((c + 1) * chunk_floats, range_.end);
    float* total = total_.data();
    if (block == 0 && !adding_) {
      std::copy(buffer + first, buffer + last, total + first);
    } else {
      for (std::size_t i = first; i < last; ++i) total[i] += buffer[i];
    }
    std::fill(buffer + first, buffer + last, 0.0f);
    merged_[c].store(block + 1, std::memory_order_release);
    if (comm_ && block + 1 == blocks_) {
      const std::size_t own_begin = std::clamp(own_.begin, first, last), own_end = std::clamp(own_.end, first, last);
      const auto sum = [&](Comm* ranks, Range piece) {
        if (!ranks || piece.begin == piece.end) return;
        ranks->start_sum({total + piece.begin, piece.end - piece.begin});
        if (!wait || range_.begin > 0)
          early_ += piece.end - piece.begin;  // a range before this one still has lanes to run
      };
      sum(comm_, {first, own_begin});
      sum(peers_, {own_begin, own_end});
      sum(comm_, {own_end, last});
    }
  }
}

double Gradients::norm(Threads& threads, Comm& comm) {
  threads.each(chunks_, [&](std::size_t c) {
    const float* total = total_.data();  // a local copy: g++ 12 does not vectorise the loop through `this`
    const auto squares = [total](std::size_t first, std::size_t last) {
      double sum = 0;
#pragma omp simd reduction(+ : sum)
      for (std::size_t i = first; i < last; ++i) sum += static_cast<double>(total[i]) * total[i];
      return sum;
    };
    const std::size_t first = c * chunk_floats, last = std::min(first + chunk_floats, total_.size());
    const std::size_t begin = std::clamp(own_.begin, first, last), end = std::clamp(own_.end, first, last);
    squares_[c] = squares(first, begin) + squares(end, last);
    squares_own_[c] = squares(begin, end);
  });
  double shared = 0, own = 0;
  for (const double sum : squares_) shared += sum;
  for (const double sum : squares_own_) own += sum;
  if (own_.begin == own_.end) return std::sqrt(shared);
  return std::sqrt(shared + comm.sum(peers_ && !peers_->first() ? 0 : own));
}

}  // namespace mvmoe
