#include "engine/timeline.h"

#include <chrono>
#include <utility>

namespace mvmoe {
namespace {

std::int64_t now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

void Timeline::skip() { last_ = now(); }

int Timeline::add(const char* name, Phase phase, const std::array<Shape, 3>& operands, Shape result) {
  const std::int64_t end = now();
  events_.push_back({name, phase, std::exchange(last_, end), end, operands, result});
  return static_cast<int>(events_.size()) - 1;
}

void Timeline::add_backward_of(int event) {
  const Event forward = events_[static_cast<std::size_t>(event)];
  add(forward.name, Phase::backward, forward.operands, forward.result);
}

}  // namespace mvmoe
