#include "train/step.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "train/layer_decay.h"
#include "train/stop.h"

namespace mvmoe {
namespace {

// Aux-loss-free balancing (arXiv 2408.15664, algorithm 1): an expert that got less than the mean is chosen more easily.
void move_balance_biases(const Trainer& t, std::span<const double> taken) {  // [routers * E] items that an expert got
  if (t.model.config().moe.balance != Balance::bias) return;
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

// The batch's losses: lanes summed in their order, then the ranks. `balance` is that of the whole batch, where there is
// one. What follows the first places of t.sums is then the batch's counts of what each expert got.
constexpr std::size_t taken_at = 8;
StepResult mean_of_lanes(Trainer& t, int images, double balance) {
  StepResult mean{};
  int right = 0;
  for (const LaneResult& lane : t.lane_results) {
    mean.loss += lane.task / images;
    mean.distillation += lane.distillation / images;
    mean.routing.guidance += lane.routing.sums.guidance / images;
    mean.routing.balance += lane.routing.sums.balance / images;
    mean.routing.z += lane.routing.sums.z / images;
    right += lane.routing.guided_right;
  }
  const int signal = t.stop ? t.stop->load() : 0;
  const StopVotes votes = votes_for(signal);
  t.sums.assign({mean.loss, mean.routing.guidance, mean.routing.balance, mean.routing.z, static_cast<double>(right),
                 votes.any, votes.interrupts, mean.distillation});
  t.sums.resize(taken_at + t.lane_results[0].routing.taken.size());
  for (const LaneResult& lane : t.lane_results)
    for (std::size_t i = 0; i < lane.routing.taken.size(); ++i) t.sums[taken_at + i] += lane.routing.taken[i];
  t.lanes.comm().sum(std::span<double>(t.sums));
  mean.loss = t.sums[0];
  mean.distillation = t.sums[7];
  mean.routing = {.guidance = t.sums[1], .balance = t.sums[2], .z = t.sums[3]};
  mean.stop = t.lanes.comm().ranks() == 1 ? signal : elected({.any = t.sums[5], .interrupts = t.sums[6]});
  if (balances_whole_batch(t.model.config().moe, t.config.routing)) mean.routing.balance = balance;
  mean.router_accuracy = t.config.routing.superclass_of.empty() ? std::numeric_limits<double>::quiet_NaN() : 100.0 * t.sums[4] / images;
  return mean;
}

// What the teacher says of these images, [B, classes]; without memory where there is none.
Tensor answers_of_teacher(Trainer& t, const Batch& batch) {
  if (!t.teacher) return {};
  const Shape& shape = batch.targets.shape();
  if (t.taught.size() != shape.size()) t.taught = Block(shape.size());  // in a run's first step
  const Tensor taught(t.taught.data(), shape);
  t.teacher->teach(t.lanes, batch.images, t.config.distillation.targets, taught);
  return taught;
}

// Forward and backward of part `part` of the step's batch, or of this rank's share of that: adds its gradient to the total,
// and fills its lane_results.
void add_gradient(Trainer& t, const Batch& batch, int part, int parts) {  // images [B / parts, 3, S, S], targets [B / parts, classes]
  const MoeConfig& moe = t.model.config().moe;
  const RoutingLossConfig& routing = t.config.routing;
  const int images = batch.whole() * parts;  // of the step
  const auto lanes = static_cast<std::size_t>(Lanes::count(batch.size(), t.lanes.config().lane_size));
  t.lane_results.resize(lanes * static_cast<std::size_t>(parts));
  const std::span<LaneResult> results(t.lane_results.data() + lanes * static_cast<std::size_t>(part), lanes);
  const StepKey key{.training = true, .seed = t.config.seed, .step = t.step,
                    .first_image = static_cast<std::uint64_t>(part) * static_cast<std::uint64_t>(batch.whole()) + static_cast<std::uint64_t>(batch.first)};
  const bool last_part = part + 1 == parts;
  const Tensor taught = answers_of_teacher(t, batch);
  const auto taught_of = [&](Lane lane) {
    return taught.empty() ? Tensor{} : taught.outer_slice(lane.first, lane.images);
  };
  if (part == 0) t.gradients.begin();
  else t.gradients.go_on();
  if (t.placement.spread()) {
    const SpreadStep step{.model = t.model, .lanes = t.lanes, .gradients = t.gradients, .taught = taught,
                          .distillation = t.config.distillation, .routing = routing, .key = key,
                          .images = images, .last_part = last_part};
    if (travels_once(moe)) add_spread_gradient(step, batch, t.placement, results, t.balance, t.experts);
    else add_visiting_gradient(step, batch, t.placement, results, t.balance, t.visits);
    return;
  }

  const auto forward = [&](Context& c, Lane lane) {
    LaneResult& result = results[static_cast<std::size_t>(lane.index)];
    const Tensor inputs = batch.images.outer_slice(lane.first, lane.images);    // [b, 3, S, S]
    const Tensor targets = batch.targets.outer_slice(lane.first, lane.images);  // [b, classes]
    const ModelOutput out = t.model.forward(c, inputs);                         // logits [b, classes]
    const TaskLoss task = task_loss(c, out.logits, targets, taught_of(lane), t.config.distillation);  // [1], a sum
    result.task = task.task, result.distillation = task.distillation;
    const LaneClasses classes{batch.labels.data(), lane.first, batch.partner.empty() ? nullptr : batch.partner.data(), batch.lambda};
    result.loss = add_routing_losses(c, task.loss, out, lane.images, classes, moe, routing, result.routing);
  };
  const auto backward = [&](Context& c, Lane lane) {  // losses sum over images: the seed makes the mean
    c.tape.backward(results[static_cast<std::size_t>(lane.index)].loss, 1.0f / static_cast<float>(images));
  };
  if (balances_whole_batch(moe, routing)) {
    const float weight = routing.balance_weight * static_cast<float>(batch.whole());  // no mean is wanted of this loss
    t.lanes.forward(batch.size(), key, t.gradients, forward);
    gather(results, batch.whole(), moe, t.lanes.comm(), t.balance);
    t.lanes.mark("meet");
    t.lanes.backward(batch.size(), t.gradients, {t.gradients.all(), last_part}, [&](Context& c, Lane lane) {
      LaneResult& result = results[static_cast<std::size_t>(lane.index)];
      result.loss = add_batch_balance(c, result.loss, result.routing, t.balance, weight);
      backward(c, lane);
    });
  } else {
    t.lanes.train(batch.size(), key, t.gradients, {t.gradients.all(), last_part}, [&](Context& c, Lane lane) {
      forward(c, lane);
      backward(c, lane);
    });
  }
}

// One step of the optimizer along the gradient, which is scaled by `scale`.
void update(Trainer& t, float rate, float scale) {
  const StepConfig& config = t.config;
  const Parameters& parameters = t.model.parameters();
  const float* rate_scales = t.rate_scales.empty() ? nullptr : t.rate_scales.data();
  ++t.step;  // the schedule counts steps from 0, Adam's bias correction from 1
  if (config.optimizer == Optimizer::sgd)
    Sgd{.rate = rate, .decay = config.weight_decay, .momentum = config.momentum, .scale = scale, .rate_scales = rate_scales}
        .step(parameters, t.gradients.total(), t.m, t.lanes.threads());
  else
    AdamW{.rate = rate, .decay = config.weight_decay, .beta1 = config.beta1, .beta2 = config.beta2, .eps = config.eps, .t = t.step,
          .scale = scale, .rate_scales = rate_scales}
        .step(parameters, t.gradients.total(), t.m, t.v, t.lanes.threads());
}

}  // namespace

Trainer::Trainer(ViT& model, const StepConfig& config, Comm* comm, const Placement& placement)
    : config(config), model(model), placement(placement), groups(comm, placement.ranks), lanes(model.parameters(), config.lanes, config.kernels, comm, groups.group()),
      gradients(model.parameters().block_size(), config.lanes.threads, model.parameters().parts(), groups.peers()), m(model.parameters().block_size()),
      v(config.optimizer == Optimizer::adamw ? model.parameters().block_size() : 0), average(config.ema > 0 ? model.parameters().block_size() : 0) {
  if (config.layer_decay < 1) rate_scales = layer_rates(model.parameters(), model.config().depth, config.layer_decay);
}

StepResult train_step(Trainer& t, const Batch& batch) {
  return train_step(t, 1, [&]() -> const Batch& { return batch; });
}

StepResult train_step(Trainer& t, int parts, const std::function<const Batch&()>& next) {
  int images = 0;
  double balance = 0;
  for (int part = 0; part < parts; ++part) {
    const Batch& batch = next();
    add_gradient(t, batch, part, parts);
    images += batch.whole();
    balance += t.balance.loss / parts;
  }
  if (t.lanes.comm().ranks() > 1) {
    t.gradients.finish_sums();
    t.lanes.mark("sum over ranks");
  }
  StepResult result = mean_of_lanes(t, images, balance);
  result.gradient_norm = t.gradients.norm(t.lanes.threads(), t.lanes.comm());
  result.learning_rate = t.config.schedule.at(t.step);
  result.finite = std::isfinite(result.loss) && std::isfinite(result.gradient_norm);
  t.lanes.mark("norm");
  if (result.finite) {
    const Block& weights = t.model.parameters().weights();
    if (t.step == 0) std::copy_n(weights.data(), t.average.size(), t.average.data());
    update(t, result.learning_rate, clip_factor(result.gradient_norm, t.config.clip));
    move_balance_biases(t, std::span<const double>(t.sums).subspan(taken_at));
    if (t.average.size() > 0) update_average(t.average, weights, t.config.ema, t.lanes.threads());
    t.lanes.mark("update");
  }
  return result;
}

}  // namespace mvmoe
