#include "train/log/run_events.h"

#include <limits>

namespace mvmoe {

void RunEvents::write(std::uint64_t step, const StepResult& result, double images_per_s, double waited_s,
                      double train_seconds) {
  std::vector<Scalar> scalars{
      {"train/loss", result.loss},
      {"train/learning_rate", result.learning_rate},
      {"train/gradient_norm", result.gradient_norm},
      {"train/images_per_s", images_per_s},
      {"train/waited_percent", 100 * (waited_s - waited_since_) / (train_seconds - trained_since_)}};
  waited_since_ = waited_s;
  trained_since_ = train_seconds;
  if (distilled_) scalars.push_back({"train/distillation_loss", result.distillation});
  if (!routing_.superclass_of.empty())
    scalars.insert(scalars.end(), {{"router/train_accuracy", result.router_accuracy},
                                   {"router/guidance_loss", result.routing.guidance}});
  if (routing_.balance_weight > 0) scalars.push_back({"router/balance_loss", result.routing.balance});
  if (routing_.z_weight > 0) scalars.push_back({"router/z_loss", result.routing.z});
  file_.write(step, scalars);
}

void RunEvents::write(const EpochRow& row, const std::vector<double>& expert_load, const Picture& confusion) {
  const auto of = [](const std::optional<double>& value) {
    return value.value_or(std::numeric_limits<double>::quiet_NaN());
  };
  file_.write(row.steps, {{"epoch/train_loss", row.train_loss},
                          {"epoch/images_per_s", row.images_per_s},
                          {"test/top1", of(row.test_top1)},
                          {"test/top5", of(row.test_top5)},
                          {"test/loss", of(row.test_loss)},
                          {"test/ema_top1", of(row.ema_top1)},
                          {"holdout/top1", of(row.holdout_top1)},
                          {"router/test_accuracy", of(row.router_accuracy)},
                          {"epoch/guidance_loss", of(row.guidance_loss)},
                          {"epoch/balance_loss", of(row.balance_loss)},
                          {"epoch/z_loss", of(row.z_loss)},
                          {"epoch/distillation_loss", of(row.distillation_loss)}});
  if (!row.test_top1) return;
  if (!expert_load.empty()) file_.write_histogram(row.steps, "router/expert_load", expert_load);
  file_.write_image(row.steps, "test/confusion", confusion.width, confusion.height,
                    {reinterpret_cast<const char*>(confusion.png.data()), confusion.png.size()});
}

}  // namespace mvmoe
