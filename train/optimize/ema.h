// train/optimize/ema.h: an average of the weights over the steps (exponential moving average), evaluated and saved
// beside them.
//   a = w before the first step      a = a + (1 - decay) (w - a) after each
// timm's rule (ModelEmaV3 without its warm-up of the decay), for every parameter alike and for the biases that balance
// experts; DeiT's decay is 0.99996. Short runs want a smaller one: the average reaches back 1 / (1 - decay) steps.
#pragma once
#include "engine/parameter.h"
#include "engine/threads.h"

namespace mvmoe {

// Moves `average` towards `weights`; both are blocks of the same layout.
void update_average(const Block& average, const Block& weights, float decay, Threads& threads);

// While it lives, the two blocks have changed places: what reads the weights sees their average.
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
