// train/experts/expert_visits.h: a step, and an evaluation, with experts on different ranks; tokens are routed, or an
// image has several experts, so that sending an image once (train/experts/expert_parallel.h) is not enough.
//
// An item is a token or an image. Items are sent to their experts in each sparse block, and back (a visit):
//   1  all lanes run up to the experts of the block
//   2  the input of the experts, xs, is sent to their ranks
//   3  expert lanes run there
//   4  the results, ys, are sent back, and the lanes continue
// Backward goes the other way: the gradient of ys is sent to the expert, and that of xs is sent back. So a sparse block
// has 2 exchanges forward and 2 backward. All lanes of all ranks wait at each, so the activations of the whole batch
// are in memory. Losses, balance and capacity are computed on the lane's own rank, as in a data parallel step.
#pragma once
#include <span>
#include <vector>

#include "train/experts/expert_parallel.h"

namespace mvmoe {

// What one phase of a step leaves for the next. Vectors keep their memory from step to step.
struct ExpertVisits {
  struct HomeLane {
    ViT::Pause pause;
    ModelOutput out;
    struct Call {
      Var xs, ys;     // [A*rows, D] input and output of the experts
      Tensor dxs;     // [A*rows, D] gradient of xs, which the experts' ranks send back
      int entry = 0;  // of the visit, on the lane's tape
    };
    std::vector<Call> calls;  // [sparse blocks]
  };
  struct ExpertLane {
    Var ys;      // [A*rows, D] on the expert lane's own tape
    Tensor dxs;  // [A*rows, D]
  };
  struct Visit {  // of one sparse block
    Exchange exchange;
    std::vector<int> rank, slot;  // [records that this rank sends] rank of the expert, its number on that rank
    std::vector<int> lane, row;  // [records that this rank sends] the lane, and the row of its xs where the item begins
    std::vector<int> order;      // the records that arrived, sorted by expert
    std::vector<ExpertLane> lanes;
    int rows = 1;           // of an item
    int first_context = 0;  // of the expert lanes
  };
  std::vector<HomeLane> home;  // [lanes]
  std::vector<Visit> visits;   // [sparse blocks]
};

// As add_journey_gradient. Collective: every rank must call it.
void add_visiting_gradient(const StepPart& part, const Placement& placement, std::span<LaneResult> results,
                           BatchBalance& balance, ExpertVisits& state);

// As infer_journey. Collective: every rank must call it.
void infer_visiting(const ViT& model, Lanes& lanes, const Panels& panels, const Placement& placement, Share share,
                    const SpreadInference& inference);

}  // namespace mvmoe
