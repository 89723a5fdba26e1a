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
  float momentum = 0.9f;  // for SGD; beta1, beta2 and eps are for AdamW
  float layer_decay = 1;  // each layer's learning rate is this times the next one's (train/optimize/layer_decay.h)
  float weight_decay = 0.05f, beta1 = 0.9f, beta2 = 0.999f, eps = 1e-8f;
  float ema = 0;                         // decay of the weights' average; 0: there is none
  float clip = 0;                        // largest norm of the gradient; 0: off
  DistillationConfig distillation = {};  // used if there is a teacher
  RoutingLossConfig routing = {};
  float bias_rate = 1e-3f;  // step of the biases that balance experts without a loss
  std::uint64_t seed = 0;
  LaneConfig lanes;
  Kernels kernels = Kernels::fast;
};

// What a step reads and changes. Its state is (weights, m, v, average, step). A checkpoint holds these, and no more.
struct Trainer {
  // comm: the ranks that train together, each on its share of every batch; null: one rank. If the placement spreads the
  // experts over ranks, the model has only the experts of this rank. Collective: every rank must call it.
  Trainer(ViT& model, const StepConfig& config, Comm* comm = nullptr, const Placement& placement = {});

  StepConfig config;
  ViT& model;
  Placement placement;
  Groups groups;  // of ranks, if experts are spread over more ranks than experts
  Lanes lanes;
  Gradients gradients;
  Block m, v;                              // AdamW's moments; SGD uses m, and v is empty
  Block average;                           // moving average of the weights; empty without --ema
  std::uint64_t step = 0;                  // steps done
  const Teacher* teacher = nullptr;        // its answers are targets too; null: no teacher
  const std::atomic<int>* stop = nullptr;  // number of the signal that asks to stop, 0: none; read in each step

  std::vector<float> rate_scales;  // [parameters] factor of each one's learning rate; empty: 1

  // Results and scratch memory of a step. They are members so that their memory is reused.
  std::vector<LaneResult> lane_results;  // of all parts of the step
  Block taught;                          // [B, classes] the teacher's answers to this rank's images of one part
  std::vector<double> sums;              // the figures that are summed over the ranks
  std::span<const double> taken;         // [routers * E] items that each expert got in the last step; a part of sums
  BatchBalance balance;
  SpreadExperts spread_experts;  // if experts are spread over ranks
  WholeTensors whole{model.parameters(), placement, lanes.comm(), groups};
};

struct StepResult {
  double loss;             // cross-entropy with the labels, mean over the batch
  double distillation;     // loss towards the teacher's answers, before its weight; 0 without a teacher
  RoutingLosses routing;   // losses of the routers, before their weights
  double router_accuracy;  // percent of images whose router names their super-class; NaN without guidance
  double gradient_norm;    // before clipping
  float learning_rate;
  bool finite;  // false: loss or gradient is infinite or NaN, and nothing was updated
  int stop;     // the signal that all ranks stop for (train/step/stop.h); 0: none
};

// One step on a batch. Collective: every rank must call it.
StepResult train_step(Trainer& t, const Batch& batch);

// The same with a batch that comes in `parts` of equal size (gradient accumulation). next() gives one part after the
// other. An image draws the same random numbers as in one batch, so the update is the same, to rounding. One exception:
// a balance loss of the whole batch becomes the mean of the parts' losses. Collective: every rank must call it.
StepResult train_step(Trainer& t, int parts, const std::function<const Batch&()>& next);

}  // namespace mvmoe
