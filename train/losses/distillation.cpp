#include "train/losses/distillation.h"

#include "ops/add_loss.h"
#include "ops/cross_entropy.h"
#include "ops/distillation.h"

namespace mvmoe {

TaskLoss task_loss(Context& c, Var logits, Tensor targets, Tensor taught, const DistillationConfig& config) {
  const Var task = cross_entropy(c, logits, targets);
  if (taught.empty()) return {.loss = task, .task = task.item()};
  const Var teacher = config.targets == TeacherTargets::hard ? cross_entropy(c, logits, taught)
                                                             : distillation(c, logits, taught, config.temperature);
  const Tensor zero = c.arena.take({1});
  zero.fill(0);
  const Var weighted = add_loss(c, c.tape.constant(zero), 1 - config.weight, task);
  return {.loss = add_loss(c, weighted, config.weight, teacher), .task = task.item(), .distillation = teacher.item()};
}

}  // namespace mvmoe
