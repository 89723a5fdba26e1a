// train/losses/routing_losses.h: what a router's decisions cost beside the task: guidance towards super-classes,
// balance between experts, small logits.
//
//   loss = task + guide_weight guidance + balance_weight balance + z_weight z
//   guidance   cross-entropy of the router's softmax and the image's super-class, mean over images (Mobile V-MoE,
//              arXiv 2309.04354, section 2.2); on the clean logits; of a mixed image a mixture, as its label is
//   balance    importance-load: CV^2 of the gates' sums (of the clean softmax) + CV^2 of the expected loads
//              (V-MoE, arXiv 2106.05974, appendix A), the load only where the logits carry noise: without noise it
//              has no gradient; switch: E sum f P (arXiv 2101.03961, equations 4 to 6)
//   z          mean logsumexp^2 (ST-MoE, arXiv 2202.08906, equation 5)
// Balance and z are summed over the routers. A group that is balanced is one lane where tokens are routed (V-MoE's
// groups are 8 images too; the mean over groups counts images), and the whole batch where images are: their lanes meet
// between forward and backward.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "engine/comm.h"
#include "models/vit.h"
#include "train/input/batch.h"

namespace mvmoe {

struct RoutingLossConfig {
  std::vector<int>
      superclass_of;  // [classes]: each class's super-class, the expert it is guided to; empty: no guidance
  float guide_weight = 0.3f;
  float balance_weight = 0;
  float z_weight = 0;
};

// Of a batch or of one lane, before the weights.
struct RoutingLosses {
  double guidance = 0, balance = 0, z = 0;
};

// What one lane leaves for the batch. Vectors keep their memory from step to step.
struct LaneRouting {
  RoutingLosses sums;      // over the lane's images
  Var importance, load;    // [E] sums over the lane's images, on its tape; only where lanes meet
  std::vector<int> taken;  // [routers * E] items that an expert got
  std::vector<int> first;  // [E] images whose largest gate is an expert's; only where lanes meet
  int guided_right = 0;    // images whose largest gate is their super-class's
};

// One lane's losses, from its forward to its backward.
struct LaneResult {
  Var loss;                 // [1], on the lane's tape: where its backward starts
  double task = 0;          // the task's loss, sum over the lane's images
  double distillation = 0;  // the same of the loss towards the teacher's answers; 0 without one
  LaneRouting routing;
};

// Whether the balance loss is one of the whole batch, so that lanes must meet.
bool balances_whole_batch(const MoeConfig& moe, const RoutingLossConfig& config);

// The classes of a lane's images. Where the batch is mixed, an image is `lambda` of its own class and the rest of its
// partner's, and its super-class likewise; the router is right if it takes the super-class with the larger share.
struct LaneClasses {
  const int* labels;             // [B] of the whole batch
  int first;                     // place in the batch of the lane's first image
  const int* partner = nullptr;  // [B] of the whole batch; null: nothing is mixed
  float lambda = 1;
};

// Of the lane that begins at image `first` of the batch.
LaneClasses classes_of(const Batch& batch, int first);

// Adds the losses of a lane of `images` to `task` [1], the sum of its images' task losses. Fills `lane`.
Var add_routing_losses(Context& c, Var task, const ModelOutput& out, int images, const LaneClasses& classes,
                       const MoeConfig& moe, const RoutingLossConfig& config, LaneRouting& lane);

// The balance loss of the whole batch, and its derivatives by the sums over all images.
struct BatchBalance {
  double loss = 0;
  Block dimportance, dload;  // [E]
  Block sum;                 // [E], scratch
};

// At the meeting: sums the lanes' statistics in lane order, and then the ranks'. `images` are those of all ranks.
void gather(std::span<const LaneResult> lanes, int images, const MoeConfig& moe, Comm& comm, BatchBalance& balance);

// After it: each lane adds its share, times `weight`. What `total` gains is not the loss, but has the loss's gradient.
Var add_batch_balance(Context& c, Var total, const LaneRouting& lane, const BatchBalance& balance, float weight);

}  // namespace mvmoe
