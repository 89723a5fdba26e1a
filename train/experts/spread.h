// train/experts/spread.h: a step, and an evaluation, whose experts live on different ranks: the one door to this room.
//
// An image that needs one expert moves in with it (train/experts/expert_parallel.h); where tokens are routed, or an
// image has several experts, they visit their experts in each sparse block (train/experts/expert_visits.h).
#pragma once
#include "train/experts/expert_parallel.h"
#include "train/experts/expert_visits.h"

namespace mvmoe {

// What the phases of a step leave to each other. It keeps its memory from step to step.
struct SpreadExperts {
  ExpertParallel journey;
  ExpertVisits visits;
};

// Forward and backward of this rank's share of a part, and of what comes to its experts: adds to the gradients and
// fills the share's lane results. Collective: every rank must call it.
void add_spread_gradient(const StepPart& part, const Placement& placement, std::span<LaneResult> results,
                         BatchBalance& balance, SpreadExperts& state);

// Forward of this rank's share of a set, some lanes at a time. Collective: every rank must call it.
void infer_spread(const ViT& model, Lanes& lanes, const Panels& panels, const Placement& placement, Share share,
                  const SpreadInference& inference);

}  // namespace mvmoe
