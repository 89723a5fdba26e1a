// train/losses/routing_losses.h: the losses of the routers, beside the task's: guidance towards super-classes, balance
// between experts, small logits.
//
//   loss = task + guide_weight guidance + balance_weight balance + z_weight z
//   guidance   cross-entropy of the router's softmax with the image's super-class, mean over images (Mobile V-MoE,
//              arXiv 2309.04354, section 2.2); of the logits before noise; a mixed image has a mixed target
//   balance    importance-load: CV^2 of the sums of the gates (softmax before noise) + CV^2 of the expected loads
//              (V-MoE, arXiv 2106.05974, appendix A). Without noise the load has no gradient and is left out
//              switch: E sum f P (arXiv 2101.03961, equations 4 to 6)
//   z          mean logsumexp^2 (ST-MoE, arXiv 2202.08906, equation 5)
// CV is the standard deviation over the mean. Balance and z are summed over the routers. If tokens are routed, a lane
// is one group to balance (8 images, as in V-MoE), and the loss is the mean over the groups, weighted by their images.
// If images are routed, the whole batch is the group. Then all lanes run forward before the first runs backward: they
// meet.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "engine/comm.h"
#include "models/vit.h"
#include "train/input/batch.h"

namespace mvmoe {

struct RoutingLossConfig {
  std::vector<int> superclass_of;  // [classes] each class's super-class, which is its expert; empty: no guidance
  float guide_weight = 0.3f;
  float balance_weight = 0;
  float z_weight = 0;
};

// Of a batch or of one lane, before the weights.
struct RoutingLosses {
  double guidance = 0, balance = 0, z = 0;
};

// The routing statistics of one lane. Vectors keep their memory from step to step.
struct LaneRouting {
  RoutingLosses sums;      // over the lane's images
  Var importance, load;    // [E] sums over the lane's images, on the lane's tape; only if lanes meet
  std::vector<int> taken;  // [routers * E] items that each expert got
  std::vector<int> first;  // [E] images whose largest gate is this expert's; only if lanes meet
  int guided_right = 0;    // images whose largest gate is that of their super-class
};

// The losses of one lane, kept from its forward to its backward.
struct LaneResult {
  Var loss;                 // [1], on the lane's tape: where its backward starts
  double task = 0;          // the task's loss, sum over the lane's images
  double distillation = 0;  // loss towards the teacher's answers, sum over the lane's images; 0 without a teacher
  LaneRouting routing;
};

// True if there is one balance loss for the whole batch, so that lanes must meet.
bool balances_whole_batch(const MoeConfig& moe, const RoutingLossConfig& config);

// The classes of a lane's images. In a mixed batch an image has `lambda` of its own class and 1 - lambda of its
// partner's. Its super-class is mixed in the same way. The router is right if it chooses the one with the larger share.
struct LaneClasses {
  const int* labels;             // [B] of the whole batch
  int first;                     // place in the batch of the lane's first image
  const int* partner = nullptr;  // [B] of the whole batch; null: nothing is mixed
  float lambda = 1;
};

// The classes of the lane that begins at image `first` of the batch.
LaneClasses classes_of(const Batch& batch, int first);

// Returns `task` [1] plus the routing losses of a lane of `images` images. `task` is a sum over the images, and so is
// the result. Fills `lane`.
Var add_routing_losses(Context& c, Var task, const ModelOutput& out, int images, const LaneClasses& classes,
                       const MoeConfig& moe, const RoutingLossConfig& config, LaneRouting& lane);

// The balance loss of the whole batch, and its derivatives with respect to importance and load of the batch.
struct BatchBalance {
  double loss = 0;
  Block dimportance, dload;  // [E]
  Block sum;                 // [E], scratch
};

// When the lanes meet: sums the statistics over the lanes in their order, then over the ranks, and computes the loss.
// `images`: of all ranks. Collective: every rank must call it.
void gather(std::span<const LaneResult> lanes, int images, const MoeConfig& moe, Comm& comm, BatchBalance& balance);

// After the meeting: adds a lane's share to `total`, times `weight`. The number that is added is not the loss, but it
// has the gradient of the loss.
Var add_batch_balance(Context& c, Var total, const LaneRouting& lane, const BatchBalance& balance, float weight);

}  // namespace mvmoe
