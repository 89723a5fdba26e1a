// train/optimize/schedule.h: the learning rate as a function of the step.
//   s < w:  warmup_rate + (rate - warmup_rate) s / w        linear warm-up over w steps
//   else:   min_rate + (rate - min_rate) (1 + cos(pi s / total)) / 2
// Steps count from 0. As in timm, the cosine counts from the first step, and the warm-up replaces its first piece. Here
// the rate changes with every step; timm's default is with every epoch.
#pragma once
#include <cstdint>

namespace mvmoe {

struct Schedule {
  float rate = 1e-3f, min_rate = 1e-5f, warmup_rate = 1e-6f;
  std::uint64_t warmup_steps = 0, total_steps = 1;

  float at(std::uint64_t step) const;
};

}  // namespace mvmoe
