// train/experts/expert_parallel.h: a step, and an evaluation, whose experts live on different ranks.
//
// Where an image is routed as a whole, to one expert, it has one journey to make. A step has three phases:
//   1  trunk lanes   each rank takes its share of the batch up to the first sparse block; the router names an expert
//      exchange      an image's tokens, its gate and its target travel to the rank of its expert
//   2  tail lanes    each rank takes what arrived, sorted by expert, through the sparse blocks and the head, and back:
//      the task's
//                    loss is computed here. The gradients of tokens and gate travel home
//   3  trunk lanes   back from there on, with the routers' losses beside
// Every rank has the trunk, the head and the sparse blocks' attention, and sums their gradients over the ranks: the
// tail's while phase 3 runs. An expert's weights, gradient, moments and average are on its rank alone, and nothing of
// them is ever sent; of more ranks than experts, on one rank of each group (train/experts/groups.h), and its gradient
// is summed over the groups.
#pragma once
#include <functional>
#include <span>
#include <vector>

#include "train/experts/exchange.h"
#include "train/experts/placement.h"
#include "train/losses/lane_losses.h"

namespace mvmoe {

// What the phases of one batch leave to each other. Vectors keep their memory from step to step.
struct ExpertParallel {
  struct TrunkLane {
    Var tokens, gates;        // [b, T, D], [b], on the lane's tape
    Tensor tokens_value;      // [b, T, D]
    Assignments assignments;  // of its images
  };
  std::vector<TrunkLane> trunk;
  std::vector<int> expert, rank;           // [images of this rank's share] where each goes
  std::vector<float> gate;                 // the same
  std::vector<int> order;                  // of what arrived: by expert, then by place in the batch
  std::vector<double> task, distillation;  // [tail lanes] sums of their images' losses
  Exchange exchange;
};

// Forward and backward of this rank's share of a batch, and of what comes to its experts: adds to the gradients, and
// fills the share's lane results; the task's loss of all that came stands in the first. All ranks.
void add_journey_gradient(const StepPart& part, const Placement& placement, std::span<LaneResult> results,
                          BatchBalance& balance, ExpertParallel& state);

// What is done with each image of a set.
struct SpreadInference {
  static constexpr int lanes_at_once = 32;  // of a rank: what their images send is in memory
  // lane.first is the place in the set.
  std::function<Tensor(Context& c, Lane lane)> inputs;            // [b, 3, S, S]
  std::function<void(const ModelOutput& out, Lane lane)> routed;  // on the lane's rank: who went where
  std::function<void(int image, Tensor logits)> scored;           // [1, classes], on one rank, whichever
  std::function<bool()> keep_on;  // asked before each round of lanes; false on one rank stops all
};

// Forward of this rank's share of a set, some lanes at a time. All ranks.
void infer_journey(const ViT& model, Lanes& lanes, const Panels& panels, const Placement& placement, Share share,
                   const SpreadInference& inference);

}  // namespace mvmoe
