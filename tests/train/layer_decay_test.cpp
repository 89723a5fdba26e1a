// Layer-wise learning rates. The numbers are what timm 1.0.31 gives (param_groups_layer_decay of its VisionTransformer
// of depth 2, layer_decay 0.5). Wrong but plausible: the final norm beside the head, one power too many, a decay of the
// weights that keeps the undivided rate.
#include "train/optimize/layer_decay.h"

#include <gtest/gtest.h>

#include "tests/train/small_run.h"

namespace mvmoe {
namespace {

TEST(LayerDecay, HasTimmsGroups) {
  ModelConfig config = small_model();
  config.moe = {.experts = 2, .layers = 1};
  const ViT model(config);
  const auto rates = layer_rates(model.parameters(), 2, 0.5f);
  const std::pair<const char*, float> must_be[] = {{"cls_token", 0.125f},
                                                   {"pos_embed", 0.125f},
                                                   {"patch_embed.proj.weight", 0.125f},
                                                   {"patch_embed.proj.bias", 0.125f},
                                                   {"blocks.0.norm1.weight", 0.25f},
                                                   {"blocks.0.mlp.fc2.bias", 0.25f},
                                                   {"blocks.1.attn.qkv.weight", 0.5f},
                                                   {"norm.weight", 0.5f},
                                                   {"norm.bias", 0.5f},
                                                   {"head.weight", 1},
                                                   {"head.bias", 1},
                                                   {"blocks.1.mlp.experts.fc1.weight", 0.5f},
                                                   {"router.weight", 1}};  // what timm does not have follows its rules
  for (const auto& [name, rate] : must_be) {
    const Parameter* p = model.parameters().find(name);
    ASSERT_NE(p, nullptr) << name;
    EXPECT_EQ(rates[static_cast<std::size_t>(p - model.parameters().list().data())], rate) << name;
  }
}

// One step of each optimizer: a tensor moves as it would in a step whose whole rate were its own.
TEST(LayerDecay, ScalesTheWholeStepOfATensor) {
  for (const Optimizer optimizer : {Optimizer::adamw, Optimizer::sgd}) {
    const auto after_a_step = [&](float rate, float layer_decay) {
      ViT model(small_model());
      model.initialise(3);
      StepConfig step;
      step.optimizer = optimizer;
      step.weight_decay = 0.3f;
      step.layer_decay = layer_decay;
      step.schedule.rate = step.schedule.min_rate = rate;
      Trainer trainer(model, step);
      const ImageSet images = small_images(12);
      Loader loader(images, small_loader(12));
      train_step(trainer, loader.next());
      return numbers(model.parameters().weights());
    };
    const auto layered = after_a_step(0.02f, 0.5f);
    const ViT model(small_model());
    for (const auto& [name, own_rate] :
         {std::pair{"patch_embed.proj.weight", 0.0025f}, {"blocks.1.mlp.fc1.weight", 0.01f}, {"head.weight", 0.02f}}) {
      const auto must_be = after_a_step(own_rate, 1);
      const Parameter* p = model.parameters().find(name);
      for (std::size_t i = p->offset; i < p->offset + p->shape.size(); ++i) ASSERT_EQ(layered[i], must_be[i]) << name;
    }
  }
}

}  // namespace
}  // namespace mvmoe
