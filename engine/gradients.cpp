#include "engine/gradients.h"

#include <algorithm>
#include <cmath>
#include <thread>

namespace mvmoe {
namespace {

constexpr std::size_t chunk_floats = 1u << 16;  // 256 KiB: fits a second-level cache beside its twin

}  // namespace

Gradients::Gradients(std::size_t block_size, int threads)
    : chunks_((block_size + chunk_floats - 1) / chunk_floats), total_(block_size), merged_(new std::atomic<int>[chunks_]), squares_(chunks_), left_(static_cast<std::size_t>(threads), chunks_) {
  for (int t = 0; t < threads; ++t) buffers_.emplace_back(block_size);
  begin();
}

void Gradients::go_on() {
  for (std::size_t c = 0; c < chunks_; ++c) merged_[c].store(0, std::memory_order_relaxed);
  std::fill(left_.begin(), left_.end(), chunks_);
  adding_ = true;
}

void Gradients::begin() {
  go_on();
  adding_ = false;
  if (!abandoned_.exchange(false)) return;
  for (const Block& buffer : buffers_) std::fill_n(buffer.data(), buffer.size(), 0.0f);
}

void Gradients::expect(int blocks, Comm* comm) {
  blocks_ = blocks;
  comm_ = comm && comm->ranks() > 1 ? comm : nullptr;
  early_ = 0;
}

void Gradients::finish_sums() {
  if (comm_) hidden_ = comm_->finish_sums();
}

void Gradients::merge_complete(int thread, int block, std::size_t open_until) {
  const std::size_t left = left_[static_cast<std::size_t>(thread)], chunk = (open_until + chunk_floats - 1) / chunk_floats;
  merge_down_to(thread, block, chunk, false);
  early_ += (left - left_[static_cast<std::size_t>(thread)]) * chunk_floats;
}

void Gradients::merge(int thread, int block) {
  merge_down_to(thread, block, 0, true);
  left_[static_cast<std::size_t>(thread)] = chunks_;
}

void Gradients::merge_down_to(int thread, int block, std::size_t chunk, bool wait) {
  float* buffer = buffers_[static_cast<std::size_t>(thread)].data();
  for (std::size_t& left = left_[static_cast<std::size_t>(thread)]; left > chunk; --left) {
    const std::size_t c = left - 1;
    while (merged_[c].load(std::memory_order_acquire) != block) {
      if (!wait || abandoned_.load(std::memory_order_relaxed)) return;
      std::this_thread::yield();
    }
    const std::size_t first = c * chunk_floats, last = std::min(first + chunk_floats, total_.size());
    float* total = total_.data();
    if (block == 0 && !adding_) {
      std::copy(buffer + first, buffer + last, total + first);
    } else {
      for (std::size_t i = first; i < last; ++i) total[i] += buffer[i];
    }
    std::fill(buffer + first, buffer + last, 0.0f);
    merged_[c].store(block + 1, std::memory_order_release);
    if (comm_ && block + 1 == blocks_) comm_->start_sum({total + first, last - first});
  }
}

double Gradients::norm(Threads& threads) {
  threads.each(chunks_, [&](std::size_t c) {
    const std::size_t last = std::min((c + 1) * chunk_floats, total_.size());
    const float* total = total_.data();  // through `this`, g++ 12 does not vectorise the loop
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (std::size_t i = c * chunk_floats; i < last; ++i) sum += static_cast<double>(total[i]) * total[i];
    squares_[c] = sum;
  });
  double total = 0;
  for (const double sum : squares_) total += sum;
  return std::sqrt(total);
}

}  // namespace mvmoe
