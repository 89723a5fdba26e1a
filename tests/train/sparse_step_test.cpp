// The trainer with a sparse network. Wrong but plausible, and what shows it: statistics of a batch summed in the order
// in which lanes finish (bits); a guided router that is led by the labels instead of its own choice; a gradient for an
// expert that nobody chose; a meeting that leaves something behind for the next step.
#include <gtest/gtest.h>

#include "tests/train/small_run.h"
#include "train/evaluate/evaluate.h"

namespace mvmoe {
namespace {

struct SparseCase {
  const char* name;
  MoeConfig moe;
};

const std::vector<SparseCase> cases{
    {"superclass", {.experts = 2, .layers = 1, .routing = Routing::superclass}},
    {"image",
     {.experts = 3,
      .layers = 2,
      .top_k = 2,
      .routing = Routing::image,
      .balance = Balance::importance_load,
      .router_noise = 0.3f}},
    {"image_switch",
     {.experts = 3,
      .layers = 1,
      .routing = Routing::image,
      .balance = Balance::switch_loss,
      .renormalise_gates = true}},
    {"token",
     {.experts = 3,
      .layers = 2,
      .routing = Routing::token,
      .balance = Balance::importance_load,
      .router_noise = 0.3f,
      .capacity = 1}},
    {"token_bias",
     {.experts = 3, .layers = 1, .top_k = 2, .routing = Routing::token, .balance = Balance::bias, .shared_experts = 1}},
};

std::vector<float> weights_after(const MoeConfig& moe, int threads, int steps) {
  ModelConfig config = small_model();
  config.moe = moe;
  ViT model(config);
  model.initialise(3);
  StepConfig step;
  step.schedule = {.rate = 3e-3f, .total_steps = 20};
  step.clip = 1;
  step.routing = {.superclass_of = {}, .balance_weight = 0.1f, .z_weight = 0.01f};
  if (moe.routing == Routing::superclass) step.routing.superclass_of = {0, 1, 1};
  step.lanes = {.threads = threads, .lane_size = 4, .gradient_blocks = 5};
  Trainer trainer(model, step);
  const ImageSet images = small_images(60);
  Loader loader(images, small_loader(29));
  for (int s = 0; s < steps; ++s) EXPECT_TRUE(train_step(trainer, loader.next()).finite);
  return numbers(model.parameters().weights());
}

TEST(SparseStep, TheSameBitsForAnyNumberOfThreads) {
  for (const SparseCase& c : cases) {
    const auto one = weights_after(c.moe, 1, 6);
    for (const int threads : {2, 3, 8})
      EXPECT_EQ(one, weights_after(c.moe, threads, 6)) << c.name << ", " << threads << " threads";
  }
}

TEST(SparseStep, AGuidedRouterLearnsTheSuperClasses) {
  ModelConfig config = small_model();
  config.moe = {.experts = 2, .layers = 1, .routing = Routing::superclass};
  ViT model(config);
  model.initialise(3);
  StepConfig step;
  step.schedule = {.rate = 3e-3f, .total_steps = 200};
  step.routing = {.superclass_of = {1, 0, 0}, .guide_weight = 0.3f};
  Trainer trainer(model, step);
  const ImageSet images = small_images(60);
  Loader loader(images, small_loader(30));
  double accuracy = 0, guidance = 0;
  for (int s = 0; s < 200; ++s) {
    const StepResult result = train_step(trainer, loader.next());
    accuracy = result.router_accuracy, guidance = result.routing.guidance;
  }
  EXPECT_GT(accuracy, 95);
  EXPECT_LT(guidance, 0.3);
  const Evaluation e = evaluate(model, images, {{0.5f, 0.5f, 0.5f}, {0.25f, 0.25f, 0.25f}}, trainer.lanes,
                                {.superclass_of = step.routing.superclass_of});
  EXPECT_GT(e.router_accuracy.value(), 95);
  EXPECT_NEAR(e.expert_load[0] + e.expert_load[1], 100, 1e-9);
  EXPECT_NEAR(e.expert_load[1], 100.0 / 3, 5);  // one class of three
}

TEST(SparseStep, AnExpertThatNobodyChoseHasAnExactlyZeroGradient) {
  for (const SparseCase& c : cases) {
    if (c.moe.top_k != 1) continue;
    ModelConfig config = small_model();
    config.moe = c.moe;
    config.moe.capacity = 0;
    ViT model(config);
    model.initialise(3);
    for (const Parameter& p : model.parameters().list())  // a router that is sure of expert 0
      if (p.name.ends_with("router.bias")) model.parameters().weights()[p.offset] = 50;
    Trainer trainer(model, {});
    const ImageSet images = small_images(12);
    Loader loader(images, small_loader(12));
    train_step(trainer, loader.next());
    for (std::size_t i = 0; i < model.parameters().list().size(); ++i) {
      const Parameter& p = model.parameters().list()[i];
      if (p.name.find(".experts.") == std::string::npos) continue;
      const Tensor gradient = model.parameters().piece(trainer.gradients.total(), static_cast<ParameterId>(i));
      float largest = 0;
      for (std::size_t j = 0; j < gradient.size() / static_cast<std::size_t>(p.shape[0]); ++j)
        largest = std::max(largest, std::abs(gradient[j]));
      EXPECT_GT(largest, 0) << c.name << " " << p.name;
      for (std::size_t j = gradient.size() / static_cast<std::size_t>(p.shape[0]); j < gradient.size(); ++j)
        ASSERT_EQ(gradient[j], 0) << c.name << " " << p.name;
    }
  }
}

TEST(SparseEvaluate, ImagesGoWhereTheyAreSent) {
  ModelConfig config = small_model();
  config.moe = {.experts = 3, .layers = 1, .routing = Routing::image, .balance = Balance::bias};
  ViT model(config);
  model.initialise(3);
  for (const Parameter& p : model.parameters().list())  // without being sent, all would go to expert 1
    if (p.name.ends_with("balance_bias")) model.parameters().weights()[p.offset + 1] = 10;
  const ImageSet images = small_images(9);
  const Preprocessing preprocessing{{0.5f, 0.5f, 0.5f}, {0.25f, 0.25f, 0.25f}};
  Lanes lanes(model.parameters(), {.threads = 2, .lane_size = 2}, Kernels::fast);
  const Evaluation e = evaluate(model, images, preprocessing, lanes, {.experts = {0, 1, 2, 2, 2, 2, 2, 2, 2}});
  EXPECT_EQ(e.expert_load, (std::vector<double>{100.0 / 9, 100.0 / 9, 700.0 / 9}));
  EXPECT_EQ(e.results[1].expert, 1);
  EXPECT_FALSE(e.router_accuracy.has_value());
  const Evaluation unsent = evaluate(model, images, preprocessing, lanes, {.superclass_of = {1, 0, 1}});
  EXPECT_EQ(unsent.expert_load, (std::vector<double>{0, 100, 0}));
  EXPECT_EQ(unsent.results[0].expert, 1);
  EXPECT_NEAR(unsent.router_accuracy.value(), 200.0 / 3, 1e-9);
  const Evaluation other = evaluate(model, images, preprocessing, lanes, {.experts = {1, 1, 2, 2, 2, 2, 2, 2, 2}});
  EXPECT_NE(e.results[0].loss, other.results[0].loss);          // another expert, another answer
  EXPECT_NEAR(e.results[1].loss, other.results[1].loss, 1e-5);  // products of other heights round otherwise
}

}  // namespace
}  // namespace mvmoe
