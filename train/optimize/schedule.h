// train/optimize/schedule.h: the learning rate as a function of the step.
//   s < w:  warmup_rate + (rate - warmup_rate) s / w        linear warm-up over w steps
//   else:   min_rate + (rate - min_rate) (1 + cos(pi s / total)) / 2
// The cosine runs over the whole run, the warm-up hides its first piece, as in timm; steps count from 0. timm moves
// by epochs unless told otherwise; here every step moves.
#pragma once
#include <cstdint>

namespace mvmoe {

struct Schedule {
  float rate = 1e-3f, min_rate = 1e-5f, warmup_rate = 1e-6f;
  std::uint64_t warmup_steps = 0, total_steps = 1;

  float at(std::uint64_t step) const;
};

}  // namespace mvmoe
