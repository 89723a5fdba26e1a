#include "train/step/step.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "train/optimize/layer_decay.h"
#include "train/step/stop.h"

namespace mvmoe {
namespace {

// The parts of a step, defined below in the order of the calls.
int add_gradient(Trainer& t, const Batch& batch, int part, int parts);
StepResult sum_results(Trainer& t, int images, double balance);
void update_weights(Trainer& t, float rate, double gradient_norm);

}  // namespace

StepResult train_step(Trainer& t, const Batch& batch) {
  return train_step(t, 1, [&]() -> const Batch& { return batch; });
}

StepResult train_step(Trainer& t, int parts, const std::function<const Batch&()>& next) {
  int images = 0;
  double balance = 0;
  for (int part = 0; part < parts; ++part) {  // 1 without accumulation
    images += add_gradient(t, next(), part, parts);
    balance += t.balance.loss / parts;
  }
  if (t.lanes.comm().ranks() > 1) {
    t.gradients.finish_sums();
    t.lanes.mark("sum over ranks");
  }
  StepResult result = sum_results(t, images, balance);
  result.gradient_norm = t.gradients.norm(t.lanes.threads(), t.lanes.comm());
  result.learning_rate = t.config.schedule.at(t.step);
  result.finite = std::isfinite(result.loss) && std::isfinite(result.gradient_norm);
  t.lanes.mark("norm");
  if (result.finite) {
    update_weights(t, result.learning_rate, result.gradient_norm);
    t.lanes.mark("update");
  }
  return result;
}

namespace {

void run_lanes(Trainer& t, const StepPart& part, std::span<LaneResult> results);
Tensor ask_teacher(Trainer& t, const Batch& batch);

// Forward and backward of part number `part` of the step's batch; with several ranks, of this rank's share of it. Adds
// to the gradient and fills the part's lane results. Returns the number of images of the part on all ranks.
int add_gradient(Trainer& t, const Batch& batch, int part, int parts) {
  const auto lanes = static_cast<std::size_t>(Lanes::count(batch.size(), t.lanes.config().lane_size));
  t.lane_results.resize(lanes * static_cast<std::size_t>(parts));
  const std::span<LaneResult> results(t.lane_results.data() + lanes * static_cast<std::size_t>(part), lanes);
  const auto images_before = static_cast<std::uint64_t>(part) * static_cast<std::uint64_t>(batch.whole());
  const StepPart step_part{
      .model = t.model,
      .lanes = t.lanes,
      .gradients = t.gradients,
      .batch = batch,
      .taught = ask_teacher(t, batch),
      .distillation = t.config.distillation,
      .routing = t.config.routing,
      .key = {.training = true,
              .seed = t.config.seed,
              .step = t.step,
              .first_image = images_before + static_cast<std::uint64_t>(batch.first)},
      .images = batch.whole() * parts,
      .last_part = part + 1 == parts,
  };
  if (part == 0) t.gradients.begin();
  else t.gradients.go_on();
  if (t.placement.spread()) add_spread_gradient(step_part, t.placement, results, t.balance, t.spread_experts);
  else run_lanes(t, step_part, results);
  return batch.whole();
}

// Runs the lanes of one part. A thread takes a lane through the whole network, forward and backward.
void run_lanes(Trainer& t, const StepPart& part, std::span<LaneResult> results) {
  const auto forward = [&](Context& c, Lane lane) {
    const Tensor inputs = part.batch.images.outer_slice(lane.first, lane.images);  // [b, 3, S, S]
    const ModelOutput out = t.model.forward(c, inputs);                            // logits [b, classes]
    add_lane_losses(c, part, lane, out, results[static_cast<std::size_t>(lane.index)]);
  };
  const auto backward = [&](Context& c, Lane lane) {  // losses are sums over images: the seed makes the mean
    c.tape.backward(results[static_cast<std::size_t>(lane.index)].loss, 1.0f / static_cast<float>(part.images));
  };
  const int images = part.batch.size();
  const Lanes::Adds adds{t.gradients.all(), part.last_part};
  if (!part.lanes_meet()) {
    t.lanes.train(images, part.key, t.gradients, adds, [&](Context& c, Lane lane) {
      forward(c, lane);
      backward(c, lane);
    });
    return;
  }
  t.lanes.forward(images, part.key, t.gradients, forward);
  meet(part, results, t.balance);
  t.lanes.mark("meet");
  t.lanes.backward(images, t.gradients, adds, [&](Context& c, Lane lane) {
    add_balance(c, part, t.balance, results[static_cast<std::size_t>(lane.index)]);
    backward(c, lane);
  });
}

// The teacher's answers [B, classes]; without memory if there is no teacher.
Tensor ask_teacher(Trainer& t, const Batch& batch) {
  if (!t.teacher) return {};
  const Shape& shape = batch.targets.shape();
  if (t.taught.size() != shape.size()) t.taught = Block(shape.size());  // in the first step of a run
  const Tensor taught(t.taught.data(), shape);
  t.teacher->teach(t.lanes, batch.images, t.config.distillation.targets, taught);
  return taught;
}

// The figures of a step: sums over the lanes in their order, then over the ranks. `balance` is the balance loss of the
// whole batch, if there is one. Fills t.taken with the items of each expert.
StepResult sum_results(Trainer& t, int images, double balance) {
  enum Figure { loss, guidance, balance_of_lanes, z, router_right, stop_any, stop_interrupts, distillation, figures };
  std::vector<double>& sums = t.sums;  // [figures + routers * E]
  sums.assign(figures + t.lane_results[0].routing.taken.size(), 0);
  for (const LaneResult& lane : t.lane_results) {
    sums[loss] += lane.task / images;
    sums[distillation] += lane.distillation / images;
    sums[guidance] += lane.routing.sums.guidance / images;
    sums[balance_of_lanes] += lane.routing.sums.balance / images;
    sums[z] += lane.routing.sums.z / images;
    sums[router_right] += lane.routing.guided_right;
    for (std::size_t i = 0; i < lane.routing.taken.size(); ++i) sums[figures + i] += lane.routing.taken[i];
  }
  const int signal = t.stop ? t.stop->load() : 0;
  const StopVotes votes = votes_for(signal);
  sums[stop_any] = votes.any;
  sums[stop_interrupts] = votes.interrupts;
  t.lanes.comm().sum(std::span<double>(sums));

  const bool together = balances_whole_batch(t.model.config().moe, t.config.routing);
  const bool guided = !t.config.routing.superclass_of.empty();
  StepResult result{};
  result.loss = sums[loss];
  result.distillation = sums[distillation];
  result.routing = {.guidance = sums[guidance], .balance = together ? balance : sums[balance_of_lanes], .z = sums[z]};
  result.router_accuracy = guided ? 100 * sums[router_right] / images : std::numeric_limits<double>::quiet_NaN();
  result.stop =
      t.lanes.comm().ranks() == 1 ? signal : elected({.any = sums[stop_any], .interrupts = sums[stop_interrupts]});
  t.taken = std::span<const double>(sums).subspan(figures);
  return result;
}

void step_optimizer(Trainer& t, float rate, float scale);
void move_balance_biases(const Trainer& t);

// Updates the weights, the biases that balance experts, and the average of the weights.
void update_weights(Trainer& t, float rate, double gradient_norm) {
  const Block& weights = t.model.parameters().weights();
  if (t.step == 0) std::copy_n(weights.data(), t.average.size(), t.average.data());
  step_optimizer(t, rate, clip_factor(gradient_norm, t.config.clip));
  move_balance_biases(t);
  if (t.average.size() > 0) update_average(t.average, weights, t.config.ema, t.lanes.threads());
}

// One step of the optimizer. `scale` multiplies the gradient.
void step_optimizer(Trainer& t, float rate, float scale) {
  const StepConfig& config = t.config;
  const Parameters& parameters = t.model.parameters();
  const float* rate_scales = t.rate_scales.empty() ? nullptr : t.rate_scales.data();
  ++t.step;  // before the update: Adam's bias correction counts steps from 1
  if (config.optimizer == Optimizer::sgd) {
    const Sgd sgd{.rate = rate,
                  .decay = config.weight_decay,
                  .momentum = config.momentum,
                  .scale = scale,
                  .rate_scales = rate_scales};
    sgd.step(parameters, t.gradients.total(), t.m, t.lanes.threads());
  } else {
    const AdamW adamw{.rate = rate,
                      .decay = config.weight_decay,
                      .beta1 = config.beta1,
                      .beta2 = config.beta2,
                      .eps = config.eps,
                      .t = t.step,
                      .scale = scale,
                      .rate_scales = rate_scales};
    adamw.step(parameters, t.gradients.total(), t.m, t.v, t.lanes.threads());
  }
}

// Balance without a loss (arXiv 2408.15664, algorithm 1). An expert that got fewer items than the mean gets a larger
// bias, so that it is chosen more often.
void move_balance_biases(const Trainer& t) {
  if (t.model.config().moe.balance != Balance::bias) return;
  std::span<const double> taken = t.taken;  // [routers * E]
  t.model.each_router([&](const Router& router) {
    const Tensor bias = t.model.parameters().value(router.balance_bias());  // [E]
    double mean = 0;
    for (std::size_t e = 0; e < bias.size(); ++e) mean += taken[e] / static_cast<double>(bias.size());
    for (std::size_t e = 0; e < bias.size(); ++e) {
      const double missing = mean - taken[e];
      bias[e] += missing > 0 ? t.config.bias_rate : missing < 0 ? -t.config.bias_rate : 0;
    }
    taken = taken.subspan(bias.size());
  });
}

}  // namespace

Trainer::Trainer(ViT& model, const StepConfig& config, Comm* comm, const Placement& placement)
    : config(config),
      model(model),
      placement(placement),
      groups(comm, placement.ranks),
      lanes(model.parameters(), config.lanes, config.kernels, comm, groups.group()),
      gradients(model.parameters().block_size(), config.lanes.threads, model.parameters().parts(), groups.peers()),
      m(model.parameters().block_size()),
      v(config.optimizer == Optimizer::adamw ? model.parameters().block_size() : 0),
      average(config.ema > 0 ? model.parameters().block_size() : 0) {
  if (config.layer_decay < 1) rate_scales = layer_rates(model.parameters(), model.config().depth, config.layer_decay);
}

}  // namespace mvmoe
