#include "train/step.h"

#include <cmath>

#include "ops/cross_entropy.h"

namespace mvmoe {

Trainer::Trainer(ViT& model, const StepConfig& config)
    : config(config), model(model), lanes(model.parameters(), config.lanes, config.kernels),
      gradients(model.parameters().block_size(), config.lanes.threads), m(model.parameters().block_size()),
      v(model.parameters().block_size()) {}

StepResult train_step(Trainer& t, const Batch& batch) {  // images [B, 3, S, S], targets [B, classes]
  const StepKey key{.training = true, .seed = t.config.seed, .step = t.step};
  t.lane_losses.resize(static_cast<std::size_t>(Lanes::count(batch.size(), t.lanes.config().lane_size)));
  t.lanes.train(batch.size(), key, t.gradients, [&](Context& c, Lane lane) {
    const ModelOutput out = t.model.forward(c, batch.images.outer_slice(lane.first, lane.images));    // logits [b, classes]
    const Var loss = cross_entropy(c, out.logits, batch.targets.outer_slice(lane.first, lane.images));  // [1], a sum
    c.tape.backward(loss, 1.0f / static_cast<float>(batch.size()));  // losses sum over images: the seed makes the mean
    t.lane_losses[static_cast<std::size_t>(lane.index)] = loss.item();
  });

  double loss = 0;
  for (const double lane : t.lane_losses) loss += lane / batch.size();
  const double norm = t.gradients.norm(t.lanes.threads());
  const float rate = t.config.schedule.at(t.step);
  const bool finite = std::isfinite(loss) && std::isfinite(norm);
  if (finite) {
    ++t.step;  // the schedule counts steps from 0, Adam's bias correction from 1
    AdamW{.rate = rate, .decay = t.config.weight_decay, .beta1 = t.config.beta1, .beta2 = t.config.beta2, .eps = t.config.eps,
          .t = t.step, .scale = clip_factor(norm, t.config.clip)}
        .step(t.model.parameters(), t.gradients.total(), t.m, t.v, t.lanes.threads());
  }
  return {.loss = loss, .gradient_norm = norm, .learning_rate = rate, .finite = finite};
}

}  // namespace mvmoe
