#include "engine/lanes.h"

namespace mvmoe {

Share share_of(int images, int lane_size, int rank, int ranks) {
  const std::int64_t lanes = Lanes::count(images, lane_size);
  const auto first_of = [&](std::int64_t r) {
    return static_cast<int>(std::min<std::int64_t>(lanes * r / ranks * lane_size, images));
  };
  return {.first = first_of(rank), .images = first_of(rank + 1) - first_of(rank)};
}

Lanes::Lanes(const Parameters& parameters, const LaneConfig& config, Kernels kernels, Comm* comm, Comm* group)
    : parameters_(parameters),
      kernels_(kernels),
      config_(config),
      comm_(comm),
      group_(group),
      threads_(config.threads) {
  keep(config.threads);
}

Lane Lanes::cut(int lane, int images) const {
  const int first = lane * config_.lane_size;
  return {.index = lane, .first = first, .images = std::min(config_.lane_size, images - first)};
}

Context& Lanes::begin(int thread, int context_index, int lane, StepKey key, const Block* gradients) {
  Context& context = *contexts_[static_cast<std::size_t>(context_index)];
  key.first_image += static_cast<std::uint64_t>(lane * config_.lane_size);
  context.begin(key, gradients);
  context.tape.set_timeline(timelines_ ? &(*timelines_)[static_cast<std::size_t>(thread)] : nullptr);
  return context;
}

std::size_t Lanes::arena_bytes() const {
  std::size_t bytes = 0;
  for (const auto& context : contexts_) bytes += context->arena.capacity();
  return bytes;
}

}  // namespace mvmoe
