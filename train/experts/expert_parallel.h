// train/experts/expert_parallel.h: a step, and an evaluation, with experts on different ranks; an image goes as a whole
// to one expert, and is sent once (a journey).
//
// A step has three phases:
//   1  trunk lanes   forward: each rank runs its share of the batch up to the first sparse block; the router chooses an
//                    expert for each image
//      exchange      tokens, gate and target of each image are sent to the rank of its expert
//   2  tail lanes    forward and backward: each rank runs the sparse blocks and the head on the images that arrived,
//                    sorted by expert, and computes the task's loss
//      exchange      the gradients of tokens and gate are sent back
//   3  trunk lanes   backward from these gradients, and from the routers' losses
// Every rank has the trunk, the head and the attention of the sparse blocks, and their gradients are summed over the
// ranks, the tail's while phase 3 runs. An expert's weights, gradient, moments and average are on one rank, and are not
// sent. With more ranks than experts they are on one rank of each group (train/experts/groups.h), and the gradient is
// summed over the groups.
#pragma once
#include <functional>
#include <span>
#include <vector>

#include "train/experts/exchange.h"
#include "train/experts/placement.h"
#include "train/losses/lane_losses.h"

namespace mvmoe {

// What one phase of a step leaves for the next. Vectors keep their memory from step to step.
struct ExpertParallel {
  struct TrunkLane {
    Var tokens, gates;        // [b, T, D], [b], on the lane's tape
    Tensor tokens_value;      // [b, T, D]
    Assignments assignments;  // of the lane's images
  };
  std::vector<TrunkLane> trunk;
  std::vector<int> expert, rank;           // [images of this rank's share] the expert of each, and its rank
  std::vector<float> gate;                 // [images of this rank's share]
  std::vector<int> order;                  // the records that arrived, sorted by expert, then by place in the batch
  std::vector<double> task, distillation;  // [tail lanes] sums of their images' losses
  Exchange exchange;
};

// Forward and backward of this rank's share of a batch, and of the images that are sent to its experts. Adds to the
// gradients and fills the lane results of the share. The task's loss of all images that arrived stands in the first
// lane's result. Collective: every rank must call it.
void add_journey_gradient(const StepPart& part, const Placement& placement, std::span<LaneResult> results,
                          BatchBalance& balance, ExpertParallel& state);

// Where an evaluation gets its images, and what it does with the results. lane.first counts from the set's first image.
struct SpreadInference {
  static constexpr int lanes_at_once = 32;              // of a rank: bounds the memory for the records of a round
  std::function<Tensor(Context& c, Lane lane)> inputs;  // gives [b, 3, S, S]
  std::function<void(const ModelOutput& out, Lane lane)> routed;  // gets the routing of a lane, on the lane's rank
  std::function<void(int image, Tensor logits)> scored;           // gets [1, classes], on any one rank
  std::function<bool()> keep_on;                                  // asked before each round; false stops all ranks
};

// Forward of this rank's share of a set, some lanes at a time. Collective: every rank must call it.
void infer_journey(const ViT& model, Lanes& lanes, const Panels& panels, const Placement& placement, Share share,
                   const SpreadInference& inference);

}  // namespace mvmoe
