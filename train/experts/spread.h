// train/experts/spread.h: a step, and an evaluation, with experts on different ranks. The only header of this room that
// a step calls.
//
// If an image has one expert, it is sent once (train/experts/expert_parallel.h). If tokens are routed, or an image has
// several experts, items are sent in each sparse block (train/experts/expert_visits.h).
#pragma once
#include "train/experts/expert_parallel.h"
#include "train/experts/expert_visits.h"

namespace mvmoe {

// What one phase of a step leaves for the next. It keeps its memory from step to step.
struct SpreadExperts {
  ExpertParallel journey;
  ExpertVisits visits;
};

// Forward and backward of this rank's share of a part, and of the items that are sent to its experts. Adds to the
// gradients and fills the lane results of the share. Collective: every rank must call it.
void add_spread_gradient(const StepPart& part, const Placement& placement, std::span<LaneResult> results,
                         BatchBalance& balance, SpreadExperts& state);

// Forward of this rank's share of a set, some lanes at a time. Collective: every rank must call it.
void infer_spread(const ViT& model, Lanes& lanes, const Panels& panels, const Placement& placement, Share share,
                  const SpreadInference& inference);

}  // namespace mvmoe
