#include "train/optimize/sgd.h"

namespace mvmoe {

void Sgd::step(const Parameters& parameters, const Block& gradient, const Block& m, Threads& threads) const {
  const auto update = [&](std::size_t first, std::size_t last, float pull, float step_size) {
    float* w = parameters.weights().data();
    const float* g = gradient.data();
    float* mean = m.data();
#pragma omp simd
    for (std::size_t i = first; i < last; ++i) {
      mean[i] = momentum * mean[i] + (scale * g[i] + pull * w[i]);
      w[i] -= step_size * mean[i];
    }
  };
  const auto count = static_cast<std::size_t>(threads.count());
  threads.run([&](int thread) {  // elements are independent: the same bits for any number of threads
    const auto t = static_cast<std::size_t>(thread);
    for (std::size_t i = 0; i < parameters.list().size(); ++i) {
      const Parameter& p = parameters.list()[i];
      const std::size_t n = p.shape.size();
      update(p.offset + n * t / count, p.offset + n * (t + 1) / count, p.decay ? decay : 0,
             rate_scales ? rate * rate_scales[i] : rate);
    }
  });
}

}  // namespace mvmoe
