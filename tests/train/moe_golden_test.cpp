// A training step of small sparse networks against PyTorch (tools/golden/moe.py), for each kind of routing and balance:
// logits, every loss term, who went where, every gradient. Wrong but plausible, and what shows it: a balance loss of
// each lane where the whole batch is meant, or the other way round; the threshold of the load taken after the softmax;
// the sample's variance; gates renormalised unasked; capacity filled item by item instead of choice by choice.
#include <gtest/gtest.h>

#include "tests/ops/op_test.h"
#include "train/step/step.h"

namespace mvmoe {
namespace {

constexpr const char* golden_moe = "tests/golden/moe.safetensors";
constexpr double tolerance = 1e-5;
const std::vector<int> superclass_of{0, 1, 2, 0, 1, 2, 2};

ModelConfig golden_config(const MoeConfig& moe) {
  ModelConfig config;
  config.depth = 2, config.width = 12, config.heads = 2, config.mlp_ratio = 2, config.patch = 4, config.image = 12,
  config.classes = 7;
  config.moe = moe;
  return config;
}

struct MoeCase {
  std::string name;
  MoeConfig moe;
};

void expect_agrees(const MoeCase& test, int threads) {
  const Golden golden(golden_moe);
  Bench bench;
  const std::string prefix = test.name + ".";
  ViT model(golden_config(test.moe));
  const Parameters& parameters = model.parameters();
  for (std::size_t i = 0; i < parameters.list().size(); ++i)
    golden.file().read(prefix + "init." + parameters.list()[i].name, parameters.value(static_cast<ParameterId>(i)));
  Batch batch{.images = golden.read(bench, "images"),
              .targets = golden.read(bench, "targets"),
              .labels = {}};  // [5, 3, 12, 12], [5, 7]
  const Tensor labels = golden.read(bench, "labels");
  for (std::size_t i = 0; i < labels.size(); ++i) batch.labels.push_back(static_cast<int>(labels[i]));

  const Tensor logits = golden.read(bench, prefix + "logits");  // [5, 7]
  Context context(parameters);
  for (int first = 0; first < 5; first += 2) {
    const int images = std::min(2, 5 - first);
    context.begin({.training = true, .seed = 5, .first_image = static_cast<std::uint64_t>(first)}, nullptr);
    const Tensor is = model.forward(context, batch.images.outer_slice(first, images)).logits.value();
    expect_close(is, logits.outer_slice(first, images), tolerance, prefix + "logits");
  }

  StepConfig config;
  config.schedule = {.rate = 0, .min_rate = 0, .warmup_rate = 0, .total_steps = 10};
  config.seed = 5;
  config.routing = {.superclass_of = superclass_of, .guide_weight = 0.3f, .balance_weight = 0.2f, .z_weight = 0.05f};
  if (test.moe.routing != Routing::superclass) config.routing.superclass_of.clear();
  config.bias_rate = 0.25f;
  config.lanes = {.threads = threads, .lane_size = 2, .gradient_blocks = 16};
  Trainer trainer(model, config);
  const StepResult step = train_step(trainer, batch);
  const Tensor losses = golden.read(bench, prefix + "losses");
  EXPECT_NEAR(step.loss, losses[0], tolerance * losses[0]);
  EXPECT_NEAR(step.routing.guidance, losses[1], tolerance * losses[1]);
  EXPECT_NEAR(step.routing.balance, losses[2], tolerance * losses[2]);
  EXPECT_NEAR(step.routing.z, losses[3], tolerance * losses[3]);

  const Tensor taken = golden.read(bench, prefix + "taken");  // [routers, E]
  for (std::size_t i = 0; i < taken.size(); ++i) {
    int sum = 0;
    for (const LaneResult& lane : trainer.lane_results) sum += lane.routing.taken[i];
    EXPECT_EQ(sum, static_cast<int>(taken[i])) << "router and expert " << i;
  }
  for (std::size_t i = 0; i < parameters.list().size(); ++i) {
    const std::string name = prefix + "grad." + parameters.list()[i].name;
    const Tensor is = parameters.piece(trainer.gradients.total(), static_cast<ParameterId>(i)),
                 must_be = golden.read(bench, name);
    if (!name.ends_with(".balance_bias")) {
      expect_close(is, must_be, tolerance, name);
      continue;
    }
    // No gradient reaches the bias. It moves by the counts alone: down where an expert got more than the mean.
    const Tensor before = golden.read(bench, prefix + "init." + parameters.list()[i].name),
                 after = parameters.value(static_cast<ParameterId>(i));
    for (std::size_t e = 0; e < is.size(); ++e) {
      EXPECT_EQ(is[e], 0.0f);
      EXPECT_FLOAT_EQ(after[e], before[e] + (taken[e] > 5.0f / 3 ? -0.25f : 0.25f));
    }
  }
}

const std::vector<MoeCase> cases{
    {"superclass", {.experts = 3, .layers = 2, .top_k = 1, .routing = Routing::superclass}},
    {"superclass_cls",
     {.experts = 4,
      .layers = 1,
      .top_k = 2,
      .routing = Routing::superclass,
      .router_input = Pool::cls,
      .renormalise_gates = true}},
    {"image_load",
     {.experts = 4,
      .layers = 1,
      .top_k = 2,
      .routing = Routing::image,
      .balance = Balance::importance_load,
      .router_noise = 0.25f,
      .shared_experts = 1}},
    {"image_switch",
     {.experts = 3,
      .layers = 1,
      .top_k = 1,
      .routing = Routing::image,
      .router_input = Pool::cls,
      .balance = Balance::switch_loss}},
    {"image_bias", {.experts = 3, .layers = 2, .top_k = 1, .routing = Routing::image, .balance = Balance::bias}},
    {"token_load",
     {.experts = 4,
      .layers = 2,
      .top_k = 2,
      .routing = Routing::token,
      .balance = Balance::importance_load,
      .router_noise = 0.25f,
      .capacity = 0.9f}},
    {"token_switch",
     {.experts = 3,
      .layers = 2,
      .top_k = 1,
      .routing = Routing::token,
      .balance = Balance::switch_loss,
      .capacity = 0.8f,
      .batch_priority = true,
      .shared_experts = 2}},
    {"token_clean",
     {.experts = 3,
      .layers = 1,
      .top_k = 2,
      .routing = Routing::token,
      .balance = Balance::importance_load,
      .renormalise_gates = true}},
    {"token_choice",
     {.experts = 4,
      .layers = 1,
      .top_k = 2,
      .routing = Routing::token,
      .balance = Balance::expert_choice,
      .capacity = 0.7f}},
};

class MoeGolden : public testing::TestWithParam<MoeCase> {};

TEST_P(MoeGolden, OneThread) { expect_agrees(GetParam(), 1); }
TEST_P(MoeGolden, ThreeThreads) { expect_agrees(GetParam(), 3); }

INSTANTIATE_TEST_SUITE_P(Cases, MoeGolden, testing::ValuesIn(cases), [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace mvmoe
