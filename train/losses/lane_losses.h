// train/losses/lane_losses.h: the input of a step's lanes, and the losses of one lane.
#pragma once
#include "engine/gradients.h"
#include "engine/lanes.h"
#include "models/vit.h"
#include "train/input/batch.h"
#include "train/losses/distillation.h"
#include "train/losses/routing_losses.h"

namespace mvmoe {

// One part of a step's batch on one rank. Without accumulation a step has one part. With one rank and one part it is
// the whole batch.
struct StepPart {
  const ViT& model;
  Lanes& lanes;
  Gradients& gradients;  // begin() or go_on() has been called
  const Batch& batch;    // images [B, 3, S, S], targets [B, classes]
  Tensor taught;         // [B, classes] the teacher's answers; without memory: there is no teacher
  const DistillationConfig& distillation;
  const RoutingLossConfig& routing;
  StepKey key;
  int images;      // of the whole step, on all ranks; losses are divided by it
  bool last_part;  // true: gradients are summed over the ranks after this part

  const MoeConfig& moe() const { return model.config().moe; }
  // True if there is one balance loss for all images of the part, on all ranks. Then no lane runs backward before all
  // lanes have run forward: the lanes meet.
  bool lanes_meet() const { return balances_whole_batch(moe(), routing); }
};

// Computes the task's loss and the routing losses of a lane, and fills `result`. `out`: the model's output for the
// lane.
void add_lane_losses(Context& c, const StepPart& part, Lane lane, const ModelOutput& out, LaneResult& result);

// When the lanes meet: computes the balance loss of all images from the lane results. Collective: every rank must call
// it.
void meet(const StepPart& part, std::span<const LaneResult> results, BatchBalance& balance);

// After the meeting, before a lane's backward: adds the lane's share of that loss.
void add_balance(Context& c, const StepPart& part, const BatchBalance& balance, LaneResult& result);

}  // namespace mvmoe
