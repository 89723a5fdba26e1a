// train/experts/expert_visits.h: experts on ranks of their own where one journey (train/experts/expert_parallel.h) is
// not enough: tokens are routed, or an image has several experts. Then items, tokens or images, visit their experts in
// each sparse block:
//
//   lanes up to the block's experts | what they are given travels to these | expert lanes | what they made travels home
//   | lanes go on
//
// and backward the same way back: gradients of what came home travel to the expert, those of what it was given travel
// home. So a step has 2 exchanges a sparse block forward and 2 backward, at which all lanes of all ranks meet, and
// keeps the activations of the whole batch. Lanes stay where they are: losses, balance and capacity are those of a data
// parallel step.
#pragma once
#include <span>
#include <vector>

#include "train/experts/expert_parallel.h"

namespace mvmoe {

// What the phases of one batch leave to each other. Vectors keep their memory from step to step.
struct ExpertVisits {
  struct HomeLane {
    ViT::Pause pause;
    ModelOutput out;
    struct Call {
      Var xs, ys;     // [A*rows, D] what experts are given, and what they made of it
      Tensor dxs;     // [A*rows, D] that comes back
      int entry = 0;  // on the tape, of the visit
    };
    std::vector<Call> calls;  // [sparse blocks]
  };
  struct ExpertLane {
    Var ys;      // [A*rows, D] on its own tape
    Tensor dxs;  // [A*rows, D]
  };
  struct Visit {  // of one sparse block
    Exchange exchange;
    std::vector<int> rank, slot, lane,
        row;                 // [records] of this rank: where each goes, and whose row of xs it begins at
    std::vector<int> order;  // of what arrived: by expert
    std::vector<ExpertLane> lanes;
    int rows = 1, first_context = 0;  // rows of an item; the first of its lanes' contexts
  };
  std::vector<HomeLane> home;  // [lanes]
  std::vector<Visit> visits;   // [sparse blocks]
};

// As add_journey_gradient.
void add_visiting_gradient(const StepPart& part, const Placement& placement, std::span<LaneResult> results,
                           BatchBalance& balance, ExpertVisits& state);

// As infer_journey.
void infer_visiting(const ViT& model, Lanes& lanes, const Panels& panels, const Placement& placement, Share share,
                    const SpreadInference& inference);

}  // namespace mvmoe
