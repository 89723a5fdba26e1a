#include "train/optimize/ema.h"

#include <algorithm>

namespace mvmoe {

void update_average(const Block& average, const Block& weights, float decay, Threads& threads) {
  const auto count = static_cast<std::size_t>(threads.count());
  const float share = 1 - decay;
  threads.run([&](int thread) {
    const auto t = static_cast<std::size_t>(thread);
    float* a = average.data();
    const float* w = weights.data();
#pragma omp simd
    for (std::size_t i = average.size() * t / count; i < average.size() * (t + 1) / count; ++i)
      a[i] += share * (w[i] - a[i]);
  });
}

Exchanged::Exchanged(const Block& a, const Block& b) : a_(a), b_(b) {
  std::swap_ranges(a.data(), a.data() + a.size(), b.data());
}
Exchanged::~Exchanged() { std::swap_ranges(a_.data(), a_.data() + a_.size(), b_.data()); }

}  // namespace mvmoe
