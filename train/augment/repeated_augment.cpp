#include "train/augment/repeated_augment.h"

#include "engine/error.h"

namespace mvmoe {

Repeat repeated(const std::vector<int>& order, int repeats, std::uint64_t index) {
  const auto n = static_cast<std::uint64_t>(repeats);
  if (repeats < 1 || index >= n * order.size())
    fail("repeated: place ", index, " of ", order.size(), " images ", repeats, " times");
  const int image = order[static_cast<std::size_t>(index / n)];
  return {.image = image, .key = static_cast<std::uint64_t>(image) * n + index % n};
}

int dealt(int place, int batch_size, int lane_size) {
  const int lanes = (batch_size + lane_size - 1) / lane_size, lane = place / lane_size, row = place % lane_size;
  const int full_rows = batch_size - (lanes - 1) * lane_size;  // after these the last lane is full
  if (row < full_rows) return row * lanes + lane;
  return full_rows * lanes + (row - full_rows) * (lanes - 1) + lane;
}

}  // namespace mvmoe
