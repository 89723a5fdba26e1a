// train/losses/lane_losses.h: what the lanes of a step are given, and the losses of one lane.
#pragma once
#include "engine/gradients.h"
#include "engine/lanes.h"
#include "models/vit.h"
#include "train/input/batch.h"
#include "train/losses/distillation.h"
#include "train/losses/routing_losses.h"

namespace mvmoe {

// One part of a step's batch, as one rank sees it. Without accumulation a step has one part; with one rank it is the
// batch.
struct StepPart {
  const ViT& model;
  Lanes& lanes;
  Gradients& gradients;  // were told to begin, or to go on
  const Batch& batch;    // images [B, 3, S, S], targets [B, classes]
  Tensor taught;         // [B, classes] a teacher's answers; without memory: there is no teacher
  const DistillationConfig& distillation;
  const RoutingLossConfig& routing;
  StepKey key;
  int images;      // of the whole step: losses are divided by it
  bool last_part;  // after which gradients are summed over the ranks

  const MoeConfig& moe() const { return model.config().moe; }
  // One balance loss for all images of the part, of all ranks: lanes meet between forward and backward.
  bool lanes_meet() const { return balances_whole_batch(moe(), routing); }
};

// The task's loss of a lane, and its routers'. `out` is the model's output for the lane's images. Fills `result`.
void add_lane_losses(Context& c, const StepPart& part, Lane lane, const ModelOutput& out, LaneResult& result);

// At the meeting: sums what the lanes have left, for the balance loss of all images.
void meet(const StepPart& part, std::span<const LaneResult> results, BatchBalance& balance);

// After the meeting: adds the lane's share of that loss.
void add_balance(Context& c, const StepPart& part, const BatchBalance& balance, LaneResult& result);

}  // namespace mvmoe
