// SGD with momentum against PyTorch's (tools/golden/sgd.py). Wrong but plausible, and what shows it: the rate inside
// the momentum (the rate changes from step to step), decay that is decoupled or of the bias, (1 - momentum) before the
// gradient.
#include "train/optimize/sgd.h"

#include <gtest/gtest.h>

#include "engine/files.h"
#include "engine/safetensors.h"
#include "tests/engine/helpers.h"
#include "tests/train/small_run.h"
#include "train/loop.h"

namespace mvmoe {
namespace {

TEST(Sgd, FollowsPyTorch) {
  const SafetensorsFile file("tests/golden/sgd.safetensors");
  Parameters p;
  const ParameterId weight = p.add("weight", {5, 7}, {}, true), bias = p.add("bias", {7}, {});
  p.allocate();
  const Block gradient(p.block_size()), m(p.block_size());
  std::vector<float> rates(5);
  file.read("rates", {rates.data(), {5}});
  const auto each = [&](const std::string& prefix, const Block& block, const auto& what) {
    for (const ParameterId id : {weight, bias}) what(prefix + p[id].name, p.piece(block, id));
  };
  const auto read = [&](const std::string& name, Tensor t) { file.read(name, t); };
  const auto compare = [&](const std::string& name, Tensor is) {
    std::vector<float> must_be(is.size());
    file.read(name, {must_be.data(), is.shape()});
    for (std::size_t i = 0; i < is.size(); ++i) EXPECT_NEAR(is[i], must_be[i], 2e-6f) << name << "[" << i << "]";
  };
  each("init.", p.weights(), read);
  Threads threads(2);
  for (int s = 0; s < 5; ++s) {
    each("grad." + std::to_string(s) + ".", gradient, read);
    for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] *= 4;  // as if clipping's factor were a quarter
    Sgd{.rate = rates[static_cast<std::size_t>(s)], .decay = 0.05f, .momentum = 0.9f, .scale = 0.25f}.step(p, gradient,
                                                                                                           m, threads);
    each("after." + std::to_string(s) + ".", p.weights(), compare);
  }
  each("momentum.", m, compare);
}

std::vector<float> trained(const std::filesystem::path& folder, int stop_signal, int threads) {
  ViT model(small_model());
  model.initialise(2);
  StepConfig step;
  step.optimizer = Optimizer::sgd;
  step.schedule = {.rate = 0.05f, .total_steps = 10};
  step.lanes.threads = threads;
  Trainer trainer(model, step);
  EXPECT_EQ(trainer.v.size(), 0u);
  const ModelDescription description{.model = small_model(),
                                     .classes = {"a", "b", "c"},
                                     .preprocessing = {{0.5f, 0.5f, 0.5f}, {0.25f, 0.25f, 0.25f}},
                                     .superclass_of = {}};
  const std::optional<Resumed> resumed = load_checkpoint(folder, trainer);
  const ImageSet train = small_images(60), test = small_images(20, 3, 8);
  Loader loader(train, small_loader(12), resumed ? resumed->progress.step : 0);
  const std::atomic<int> stop{stop_signal};
  run(trainer, {nullptr, test}, loader, description, {.folder = folder, .epochs = 2, .quiet = true}, resumed, stop);
  return numbers(model.parameters().weights());
}

TEST(Sgd, AResumedRunIsTheUninterruptedOneForAnyNumberOfThreads) {
  const TemporaryFolder whole, pieces;
  const auto uninterrupted = trained(whole.path(), 0, 1);
  for (int piece = 0; piece < 4; ++piece) trained(pieces.path(), 15, 3);
  EXPECT_EQ(trained(pieces.path(), 0, 2), uninterrupted);
  const SafetensorsFile moments(whole.path() / "checkpoints/step-10/moments.safetensors");
  EXPECT_TRUE(moments.find("m.head.weight"));
  EXPECT_FALSE(moments.find("v.head.weight"));
}

}  // namespace
}  // namespace mvmoe
