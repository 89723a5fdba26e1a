// train/step/step.h: one training step, the data walk in order. If you read one file of this project, read step.cpp.
#pragma once
#include <atomic>
#include <functional>
#include <span>

#include "engine/gradients.h"
#include "engine/lanes.h"
#include "models/vit.h"
#include "train/experts/groups.h"
#include "train/experts/spread.h"
#include "train/experts/whole_tensors.h"
#include "train/input/batch.h"
#include "train/losses/distillation.h"
#include "train/losses/routing_losses.h"
#include "train/optimize/adamw.h"
#include "train/optimize/ema.h"
#include "train/optimize/schedule.h"
#include "train/optimize/sgd.h"
#include "train/step/teacher.h"

namespace mvmoe {

enum class Optimizer { adamw, sgd };

struct StepConfig {
  Schedule schedule;
  Optimizer optimizer = Optimizer::adamw;
  float momentum = 0.9f;  // SGD's; the two betas and eps are AdamW's
  float layer_decay = 1;  // each layer's learning rate is this times the next one's (train/optimize/layer_decay.h)
  float weight_decay = 0.05f, beta1 = 0.9f, beta2 = 0.999f, eps = 1e-8f;
  float ema = 0;                         // decay of the weights' average; 0: there is none
  float clip = 0;                        // largest norm of the gradient; 0: off
  DistillationConfig distillation = {};  // where there is a teacher
  RoutingLossConfig routing = {};
  float bias_rate = 1e-3f;  // of the bias that balances without a loss
  std::uint64_t seed = 0;
  LaneConfig lanes;
  Kernels kernels = Kernels::fast;
};

// What a step reads and changes. Its whole state is (weights, m, v, average, step): a checkpoint holds these and no
// more.
struct Trainer {
  // With `comm`, one of several ranks that train together, each on its share of every batch; null: alone. With a
  // placement that spreads the experts over the ranks, or over the ranks of several groups, the model has those of this
  // one. All ranks.
  Trainer(ViT& model, const StepConfig& config, Comm* comm = nullptr, const Placement& placement = {});

  StepConfig config;
  ViT& model;
  Placement placement;
  Groups groups;  // of ranks, where experts are spread
  Lanes lanes;
  Gradients gradients;
  Block m, v;                              // AdamW's moments; SGD has m alone, v is empty
  Block average;                           // of the weights, over the steps; empty where there is none
  std::uint64_t step = 0;                  // steps done
  const Teacher* teacher = nullptr;        // whose answers are targets too; null: none
  const std::atomic<int>* stop = nullptr;  // the number of a signal that asks to stop, 0: none; read in each step

  std::vector<float> rate_scales;        // [parameters] factor of each one's learning rate; empty: 1
  std::vector<LaneResult> lane_results;  // of all parts of the step; kept for their memory, as is what follows
  Block taught;                          // [B, classes] the teacher's answers to this rank's images of one part
  std::vector<double> sums;              // what the ranks sum beside the gradient
  std::span<const double> taken;         // [routers * E], in sums: items of the last step that an expert got
  BatchBalance balance;
  SpreadExperts spread_experts;                                             // where experts are spread over ranks
  WholeTensors whole{model.parameters(), placement, lanes.comm(), groups};  // of blocks, where experts are spread
};

struct StepResult {
  double loss;             // the task's, the batch's mean
  double distillation;     // the loss towards the teacher's answers, before its weight; 0 without one
  RoutingLosses routing;   // the routers', before their weights
  double router_accuracy;  // percent of images whose router names their super-class; NaN without guidance
  double gradient_norm;    // before clipping
  float learning_rate;
  bool finite;  // false: loss or gradient is not a number or infinite, and nothing was updated
  int stop;     // the largest of the ranks' signals: all of them stop after the same step
};

StepResult train_step(Trainer& t, const Batch& batch);

// The same with a batch that comes in `parts` of equal size (gradient accumulation): next() gives one after the other.
// Images draw the same random numbers as in one batch, so the update is the same to rounding. Where routers are
// balanced over a group, the group is a part, at most: whole-batch balance becomes the parts' mean.
StepResult train_step(Trainer& t, int parts, const std::function<const Batch&()>& next);

}  // namespace mvmoe
