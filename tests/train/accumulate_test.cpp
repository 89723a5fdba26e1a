// A step in parts is the step in one. Wrong but plausible, and what shows it: the mean of a part taken for a share of
// the step's (a factor), the first part lost or counted twice, chance drawn by the place in the part (drop path, router
// noise), biases moved by the last part's counts alone, what is left of an epoch carried into the next.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/files.h"
#include "tests/engine/helpers.h"
#include "tests/train/small_run.h"
#include "train/loop.h"

namespace mvmoe {
namespace {

struct OneStep {
  std::vector<float> gradient, weights;
  StepResult result;
};

OneStep step_in(int parts, const MoeConfig& moe, float balance_weight = 0.1f) {
  ModelConfig config = small_model();
  config.drop_path = 0.3f;
  config.moe = moe;
  ViT model(config);
  model.initialise(3);
  StepConfig step;
  step.optimizer = Optimizer::sgd;  // AdamW would make a full step of a gradient that is rounding noise
  step.schedule.rate = 0.1f;
  step.clip = 1;
  step.routing = {.superclass_of = {}, .balance_weight = balance_weight, .z_weight = 0.01f};
  if (moe.experts > 0 && moe.routing == Routing::superclass) step.routing.superclass_of = {0, 1, 1};
  step.lanes = {.threads = 2, .lane_size = 4, .gradient_blocks = 16};
  Trainer trainer(model, step);
  const ImageSet images = small_images(60);
  Loader loader(images, small_loader(24 / parts));
  const StepResult result = train_step(trainer, parts, [&]() -> const Batch& { return loader.next(); });
  return {numbers(trainer.gradients.total()), numbers(model.parameters().weights()), result};
}

void expect_the_same(const OneStep& is, const OneStep& must_be, const char* name) {
  float largest = 0;
  for (const float g : must_be.gradient) largest = std::max(largest, std::abs(g));
  ASSERT_GT(largest, 1e-3f) << name;
  for (std::size_t i = 0; i < is.gradient.size(); ++i)
    ASSERT_NEAR(is.gradient[i], must_be.gradient[i], 2e-6f * largest) << name << " gradient " << i;
  for (std::size_t i = 0; i < is.weights.size(); ++i)
    ASSERT_NEAR(is.weights[i], must_be.weights[i], 1e-6f) << name << " weight " << i;
  EXPECT_NEAR(is.result.loss, must_be.result.loss, 1e-6) << name;
  EXPECT_NEAR(is.result.routing.z, must_be.result.routing.z, 1e-6) << name;
  EXPECT_NEAR(is.result.routing.balance, must_be.result.routing.balance, 1e-6) << name;
  EXPECT_EQ(std::isnan(is.result.router_accuracy), std::isnan(must_be.result.router_accuracy));
  if (!std::isnan(is.result.router_accuracy)) {
    EXPECT_EQ(is.result.router_accuracy, must_be.result.router_accuracy);
  }
}

TEST(Accumulate, PartsGiveTheUpdateOfTheWhole) {
  const std::pair<const char*, MoeConfig> cases[] = {
      {"dense", {}},
      {"superclass", {.experts = 2, .layers = 1}},
      {"token",
       {.experts = 3,
        .layers = 2,
        .top_k = 2,
        .routing = Routing::token,
        .balance = Balance::importance_load,
        .router_noise = 0.3f,
        .capacity = 1}},
      {"token, bias", {.experts = 3, .layers = 1, .routing = Routing::token, .balance = Balance::bias}},
      {"image, bias", {.experts = 3, .layers = 1, .routing = Routing::image, .balance = Balance::bias}},
  };
  for (const auto& [name, moe] : cases) {
    const OneStep whole = step_in(1, moe);
    for (const int parts : {2, 3, 6}) expect_the_same(step_in(parts, moe), whole, name);
  }
}

// Where images are balanced, the group is the part: without the balance loss the update is the same, with it the loss
// is another one, of smaller groups.
TEST(Accumulate, BalanceOfImagesIsThePartsMean) {
  const MoeConfig moe{.experts = 3, .layers = 1, .routing = Routing::image, .balance = Balance::importance_load};
  expect_the_same(step_in(3, moe, 0), step_in(1, moe, 0), "no weight");
  const double whole = step_in(1, moe).result.routing.balance, parts = step_in(3, moe).result.routing.balance;
  EXPECT_GT(parts, whole);  // CV^2 of a small group is larger, by the chance that is in it
  EXPECT_LT(parts, 10 * whole + 1);
}

RunResult run_in(const std::filesystem::path& folder, int accumulate, bool resume, int stop_signal, int epochs = 3) {
  ViT model(small_model());
  model.initialise(2);
  StepConfig step;
  step.schedule = {.warmup_steps = 2, .total_steps = 6};
  Trainer trainer(model, step);
  const ModelDescription description{.model = small_model(),
                                     .classes = {"a", "b", "c"},
                                     .preprocessing = {{0.5f, 0.5f, 0.5f}, {0.25f, 0.25f, 0.25f}},
                                     .superclass_of = {}};
  const std::optional<Resumed> resumed = resume ? load_checkpoint(folder, trainer) : std::nullopt;
  const ImageSet train = small_images(58),
                 test = small_images(20, 3, 8);  // two steps of 24 an epoch; 9 parts of 6, of which 8 are used
  const LoaderConfig parts = small_loader(24 / accumulate);
  Loader loader(train, parts,
                first_batch(resumed ? resumed->progress.step : 0, train.size() / parts.batch_size, accumulate));
  const std::atomic<int> stop{stop_signal};
  return run(trainer, {nullptr, test}, loader, description,
             {.folder = folder, .epochs = epochs, .accumulate = accumulate, .quiet = true}, resumed, stop);
}

TEST(Accumulate, ARunInPartsIsTheRunAndCanBeResumed) {
  const TemporaryFolder whole, parts, pieces;
  const RunResult one = run_in(whole.path(), 1, false, 0), four = run_in(parts.path(), 4, false, 0);
  EXPECT_EQ(one.progress.step, 6u);
  EXPECT_EQ(four.progress.step, 6u);
  EXPECT_NEAR(four.progress.last_train_loss, one.progress.last_train_loss, 1e-4);
  EXPECT_NEAR(four.progress.last_loss, one.progress.last_loss, 1e-4);
  for (int piece = 0; piece < 6; ++piece) {
    EXPECT_EQ(run_in(pieces.path(), 4, true, 15).executed_steps, 1u);
    if (piece % 2 == 1) {
      EXPECT_EQ(run_in(pieces.path(), 4, true, 0, (piece + 1) / 2).executed_steps, 0u);  // the evaluation alone
    }
  }
  EXPECT_EQ(read_file(pieces.path() / "last.safetensors"), read_file(parts.path() / "last.safetensors"));
}

TEST(Accumulate, WhereAStepBegins) {
  EXPECT_EQ(first_batch(7, 5, 1), 7u);
  EXPECT_EQ(first_batch(0, 9, 4), 0u);
  EXPECT_EQ(first_batch(1, 9, 4), 4u);
  EXPECT_EQ(first_batch(2, 9, 4), 9u);  // the ninth batch of the epoch belongs to no step
}

}  // namespace
}  // namespace mvmoe
