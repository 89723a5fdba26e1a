// The average of the weights. Wrong but plausible, and what shows it: an average that begins at zero or at the weights
// after the first step; one that is moved before the optimizer or before the balancing biases; the decay and its
// complement exchanged; an evaluation that leaves the average where the weights were.
#include "train/optimize/ema.h"

#include <gtest/gtest.h>

#include "engine/files.h"
#include "tests/engine/helpers.h"
#include "tests/train/small_run.h"
#include "train/evaluate/evaluate.h"
#include "train/files/load_model.h"
#include "train/loop.h"

namespace mvmoe {
namespace {

TEST(Ema, FollowsTheWeightsOfEachStep) {
  ModelConfig config = small_model();
  config.moe = {.experts = 3, .layers = 1, .routing = Routing::token, .balance = Balance::bias};
  ViT model(config);
  model.initialise(3);
  StepConfig step;
  step.schedule = {.rate = 3e-3f, .total_steps = 20};
  step.ema = 0.7f;
  step.lanes.threads = 3;
  Trainer trainer(model, step);
  const ImageSet images = small_images(60);
  Loader loader(images, small_loader(20));
  const auto first = numbers(model.parameters().weights());
  std::vector<double> must_be(first.begin(), first.end());
  for (int s = 0; s < 5; ++s) {
    train_step(trainer, loader.next());
    for (std::size_t i = 0; i < must_be.size(); ++i)
      must_be[i] = 0.7 * must_be[i] + 0.3 * model.parameters().weights()[i];
  }
  const auto is = numbers(trainer.average);
  for (std::size_t i = 0; i < must_be.size(); ++i)
    ASSERT_NEAR(is[i], must_be[i], 1e-6 * std::max(1.0, std::abs(must_be[i]))) << i;
  const Parameter* bias = nullptr;
  for (const Parameter& p : model.parameters().list())
    if (p.name.find("balance_bias") != std::string::npos) bias = &p;
  ASSERT_NE(bias, nullptr);
  float largest = 0;
  for (std::size_t i = 0; i < bias->shape.size(); ++i) largest = std::max(largest, std::abs(is[bias->offset + i]));
  EXPECT_GT(largest, 0);  // it moves after the optimizer, and is averaged all the same
}

TEST(Ema, IsEvaluatedAndSavedBesideTheWeights) {
  const ImageSet train = small_images(60), test = small_images(40, 3, 8);
  const std::atomic<int> go{0};
  const Preprocessing preprocessing{{0.5f, 0.5f, 0.5f}, {0.25f, 0.25f, 0.25f}};
  const ModelDescription description{
      .model = small_model(), .classes = {"a", "b", "c"}, .preprocessing = preprocessing, .superclass_of = {}};
  const auto run_with = [&](float ema, const TemporaryFolder& folder) {
    ViT model(small_model());
    model.initialise(2);
    StepConfig step;
    step.schedule = {.rate = 1e-2f, .total_steps = 30};
    step.ema = ema;
    Trainer trainer(model, step);
    Loader loader(train, small_loader(12));
    return run(trainer, {nullptr, test}, loader, description, {.folder = folder.path(), .epochs = 6, .quiet = true}, {},
               go);
  };
  const TemporaryFolder with, without;
  const RunResult averaged = run_with(0.95f, with), plain = run_with(0, without);
  EXPECT_EQ(read_file(with.path() / "last.safetensors"), read_file(without.path() / "last.safetensors"));
  EXPECT_EQ(averaged.progress.last_top1, plain.progress.last_top1);
  EXPECT_EQ(plain.progress.last_ema_top1, -1);
  EXPECT_FALSE(std::filesystem::exists(without.path() / "ema.safetensors"));

  const LoadedModel ema = load_model(with.path() / "ema.safetensors");
  EXPECT_EQ(read_file(with.path() / "ema.safetensors"), read_file(averaged.checkpoint.value() / "ema.safetensors"));
  Lanes lanes(ema.model->parameters(), {}, Kernels::fast);
  const Evaluation e = evaluate(*ema.model, test, preprocessing, lanes);
  EXPECT_EQ(averaged.progress.last_ema_top1, e.top1);
  EXPECT_NE(e.loss, averaged.progress.last_loss);  // other weights than the last
}

}  // namespace
}  // namespace mvmoe
