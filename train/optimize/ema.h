// train/optimize/ema.h: the exponential moving average of the weights. It is evaluated and saved beside the weights.
//   a = w before the first step      a = a + (1 - decay) (w - a) after each
// timm's rule (ModelEmaV3 without warm-up of the decay), for all parameters and for the biases that balance experts.
// DeiT's decay is 0.99996. The average covers about the last 1 / (1 - decay) steps, so short runs need a smaller decay.
#pragma once
#include "engine/parameter.h"
#include "engine/threads.h"

namespace mvmoe {

// Moves `average` towards `weights`; both are blocks of the same layout.
void update_average(const Block& average, const Block& weights, float decay, Threads& threads);

// Swaps the contents of two blocks until it is destroyed, so that an evaluation of the weights uses their average.
class Exchanged {
 public:
  Exchanged(const Block& a, const Block& b);
  ~Exchanged();
  Exchanged(const Exchanged&) = delete;
  Exchanged& operator=(const Exchanged&) = delete;

 private:
  const Block &a_, &b_;
};

}  // namespace mvmoe
