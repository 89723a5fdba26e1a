#include "train/optimize/schedule.h"

#include <cmath>
#include <numbers>

namespace mvmoe {

float Schedule::at(std::uint64_t step) const {
  if (step < warmup_steps)
    return warmup_rate + (rate - warmup_rate) * static_cast<float>(step) / static_cast<float>(warmup_steps);
  const double turn = std::numbers::pi * static_cast<double>(step) / static_cast<double>(total_steps);
  return min_rate + (rate - min_rate) * static_cast<float>(0.5 * (1 + std::cos(turn)));
}

}  // namespace mvmoe
