#include "train/losses/lane_losses.h"

namespace mvmoe {

void add_lane_losses(Context& c, const StepPart& part, Lane lane, const ModelOutput& out, LaneResult& result) {
  const Tensor targets = part.batch.targets.outer_slice(lane.first, lane.images);  // [b, classes]
  const Tensor taught = part.taught.empty() ? Tensor{} : part.taught.outer_slice(lane.first, lane.images);
  const TaskLoss task = task_loss(c, out.logits, targets, taught, part.distillation);  // [1], a sum
  result.task = task.task;
  result.distillation = task.distillation;
  result.loss = add_routing_losses(c, task.loss, out, lane.images, classes_of(part.batch, lane.first), part.moe(),
                                   part.routing, result.routing);
}

void meet(const StepPart& part, std::span<const LaneResult> results, BatchBalance& balance) {
  gather(results, part.batch.whole(), part.moe(), part.lanes.comm(), balance);
}

void add_balance(Context& c, const StepPart& part, const BatchBalance& balance, LaneResult& result) {
  // This loss is a mean over the images. All other losses are sums, and backward divides them by the number of images.
  // So this one is multiplied by that number.
  const float weight = part.routing.balance_weight * static_cast<float>(part.batch.whole());
  result.loss = add_batch_balance(c, result.loss, result.routing, balance, weight);
}

}  // namespace mvmoe
