#include "train/step.h"

#include <cmath>
#include <limits>

#include "ops/cross_entropy.h"

namespace mvmoe {
namespace {

// Aux-loss-free balancing (arXiv 2408.15664, algorithm 1): an expert that got less than the mean is chosen more easily.
void move_balance_biases(const Trainer& t) {
  if (t.model.config().moe.balance != Balance::bias) return;
  std::size_t first = 0;  // of this router's counts
  t.model.each_router([&](const Router& router) {
    const Tensor bias = t.model.parameters().value(router.balance_bias());  // [E]
    const auto taken_by = [&](std::size_t expert) {
      double taken = 0;
      for (const LaneResult& lane : t.lane_results) taken += lane.routing.taken[first + expert];
      return taken;
    };
    double mean = 0;
    for (std::size_t e = 0; e < bias.size(); ++e) mean += taken_by(e) / static_cast<double>(bias.size());
    for (std::size_t e = 0; e < bias.size(); ++e) {
      const double missing = mean - taken_by(e);
      bias[e] += missing > 0 ? t.config.bias_rate : missing < 0 ? -t.config.bias_rate : 0;
    }
    first += bias.size();
  });
}

// The batch's losses: lanes summed in their order.
StepResult mean_of_lanes(const Trainer& t, int images) {
  StepResult mean{};
  int right = 0;
  for (const LaneResult& lane : t.lane_results) {
    mean.loss += lane.task / images;
    mean.routing.guidance += lane.routing.sums.guidance / images;
    mean.routing.balance += lane.routing.sums.balance / images;
    mean.routing.z += lane.routing.sums.z / images;
    right += lane.routing.guided_right;
  }
  if (balances_whole_batch(t.model.config().moe, t.config.routing)) mean.routing.balance = t.balance.loss;
  mean.router_accuracy = t.config.routing.superclass_of.empty() ? std::numeric_limits<double>::quiet_NaN() : 100.0 * right / images;
  return mean;
}

}  // namespace

Trainer::Trainer(ViT& model, const StepConfig& config)
    : config(config), model(model), lanes(model.parameters(), config.lanes, config.kernels),
      gradients(model.parameters().block_size(), config.lanes.threads), m(model.parameters().block_size()),
      v(model.parameters().block_size()) {}

StepResult train_step(Trainer& t, const Batch& batch) {  // images [B, 3, S, S], targets [B, classes]
  const StepKey key{.training = true, .seed = t.config.seed, .step = t.step};
  const MoeConfig& moe = t.model.config().moe;
  const RoutingLossConfig& routing = t.config.routing;
  t.lane_results.resize(static_cast<std::size_t>(Lanes::count(batch.size(), t.lanes.config().lane_size)));

  const auto forward = [&](Context& c, Lane lane) {
    LaneResult& result = t.lane_results[static_cast<std::size_t>(lane.index)];
    const ModelOutput out = t.model.forward(c, batch.images.outer_slice(lane.first, lane.images));      // logits [b, classes]
    const Var task = cross_entropy(c, out.logits, batch.targets.outer_slice(lane.first, lane.images));  // [1], a sum
    result.task = task.item();
    const LaneClasses classes{batch.labels.data(), lane.first, batch.partner.empty() ? nullptr : batch.partner.data(), batch.lambda};
    result.loss = add_routing_losses(c, task, out, classes, moe, routing, result.routing);
  };
  const auto backward = [&](Context& c, Lane lane) {  // losses sum over images: the seed makes the mean
    c.tape.backward(t.lane_results[static_cast<std::size_t>(lane.index)].loss, 1.0f / static_cast<float>(batch.size()));
  };
  if (balances_whole_batch(moe, routing)) {
    const auto meet = [&] { gather(t.lane_results, batch.size(), moe, t.balance); };
    const float weight = routing.balance_weight * static_cast<float>(batch.size());  // no mean is wanted of this loss
    t.lanes.train(batch.size(), key, t.gradients, forward, meet, [&](Context& c, Lane lane) {
      LaneResult& result = t.lane_results[static_cast<std::size_t>(lane.index)];
      result.loss = add_batch_balance(c, result.loss, result.routing, t.balance, weight);
      backward(c, lane);
    });
  } else {
    t.lanes.train(batch.size(), key, t.gradients, [&](Context& c, Lane lane) {
      forward(c, lane);
      backward(c, lane);
    });
  }

  StepResult result = mean_of_lanes(t, batch.size());
  result.gradient_norm = t.gradients.norm(t.lanes.threads());
  result.learning_rate = t.config.schedule.at(t.step);
  result.finite = std::isfinite(result.loss) && std::isfinite(result.gradient_norm);
  if (result.finite) {
    ++t.step;  // the schedule counts steps from 0, Adam's bias correction from 1
    AdamW{.rate = result.learning_rate, .decay = t.config.weight_decay, .beta1 = t.config.beta1, .beta2 = t.config.beta2,
          .eps = t.config.eps, .t = t.step, .scale = clip_factor(result.gradient_norm, t.config.clip)}
        .step(t.model.parameters(), t.gradients.total(), t.m, t.v, t.lanes.threads());
    move_balance_biases(t);
  }
  return result;
}

}  // namespace mvmoe
