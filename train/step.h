// train/step.h: one training step, the data walk in order. If you read one file of this project, read step.cpp.
#pragma once
#include "engine/gradients.h"
#include "models/vit.h"
#include "train/adamw.h"
#include "train/ema.h"
#include "train/lanes.h"
#include "train/loader.h"
#include "train/routing_losses.h"
#include "train/schedule.h"

namespace mvmoe {

struct StepConfig {
  Schedule schedule;
  float weight_decay = 0.05f, beta1 = 0.9f, beta2 = 0.999f, eps = 1e-8f;
  float ema = 0;            // decay of the weights' average; 0: there is none
  float clip = 0;           // largest norm of the gradient; 0: off
  RoutingLossConfig routing = {};
  float bias_rate = 1e-3f;  // of the bias that balances without a loss
  std::uint64_t seed = 0;
  LaneConfig lanes;
  Kernels kernels = Kernels::fast;
};

// What a step reads and changes. Its whole state is (weights, m, v, average, step): a checkpoint holds these and no more.
struct Trainer {
  Trainer(ViT& model, const StepConfig& config);

  StepConfig config;
  ViT& model;
  Lanes lanes;
  Gradients gradients;
  Block m, v;               // AdamW's moments
  Block average;            // of the weights, over the steps; empty where there is none
  std::uint64_t step = 0;   // steps done

  std::vector<LaneResult> lane_results;  // kept for their memory, as is what follows
  BatchBalance balance;
};

struct StepResult {
  double loss;              // the task's, the batch's mean
  RoutingLosses routing;    // the routers', before their weights
  double router_accuracy;   // percent of images whose router names their super-class; NaN without guidance
  double gradient_norm;     // before clipping
  float learning_rate;
  bool finite;              // false: loss or gradient is not a number or infinite, and nothing was updated
};

StepResult train_step(Trainer& t, const Batch& batch);

}  // namespace mvmoe
