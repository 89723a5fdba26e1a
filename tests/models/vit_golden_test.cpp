// The dense ViT against PyTorch (tools/golden/vit.py, which timm agrees with): logits, loss and every gradient, for
// both poolings. Wrong but plausible, and what shows it: qkv split in another order, gelu by tanh, another eps, the
// pooled mean with the class token in it, the norm after the pooling, a loss summed for one averaged.
#include <gtest/gtest.h>

#include <set>

#include "models/vit.h"
#include "ops/cross_entropy.h"
#include "tests/ops/op_test.h"

namespace mvmoe {
namespace {

constexpr const char* golden_vit = "tests/golden/vit.safetensors";
constexpr double tolerance = 1e-5;

ModelConfig golden_config(Pool pool) {
  ModelConfig config;
  config.depth = 2, config.width = 24, config.heads = 2, config.patch = 4, config.image = 12, config.classes = 7,
  config.pool = pool;
  return config;
}

TEST(VitGolden, NamesAreTimms) {
  const Golden golden(golden_vit);
  const ViT model(golden_config(Pool::cls));
  std::set<std::string> ours, theirs;
  for (const Parameter& p : model.parameters().list()) ours.insert("init." + p.name);
  for (const auto& entry : golden.file().entries())
    if (entry.name.starts_with("init.")) theirs.insert(entry.name);
  EXPECT_EQ(ours, theirs);
}

void expect_agrees(Pool pool, const std::string& prefix, Kernels kernels) {
  const Golden golden(golden_vit);
  Bench bench;
  const ViT model(golden_config(pool));
  const Parameters& parameters = model.parameters();
  for (std::size_t i = 0; i < parameters.list().size(); ++i)
    golden.file().read("init." + parameters.list()[i].name, parameters.value(static_cast<ParameterId>(i)));
  const Tensor images = golden.read(bench, "images"),
               targets = golden.read(bench, "targets");  // [5, 3, 12, 12], [5, 7]

  const Block gradients(parameters.block_size());
  Context context(parameters, kernels);
  context.begin({.training = true}, &gradients);
  const Var logits = model.forward(context, images).logits, loss = cross_entropy(context, logits, targets);
  expect_close(logits.value(), golden.read(bench, prefix + "logits"), tolerance, prefix + "logits");
  const float mean = loss.item() / 5, must_be = golden.read(bench, prefix + "loss")[0];
  EXPECT_NEAR(mean, must_be, tolerance * must_be);

  context.tape.backward(loss, 1.0f / 5);
  for (std::size_t i = 0; i < parameters.list().size(); ++i) {
    const std::string name = prefix + "grad." + parameters.list()[i].name;
    expect_close(parameters.piece(gradients, static_cast<ParameterId>(i)), golden.read(bench, name), tolerance, name);
  }
}

TEST(VitGolden, ClassTokenPooling) { expect_agrees(Pool::cls, "", Kernels::fast); }
TEST(VitGolden, MeanPooling) { expect_agrees(Pool::mean, "mean.", Kernels::fast); }
TEST(VitGolden, ClassTokenPoolingWithPlainKernels) { expect_agrees(Pool::cls, "", Kernels::plain); }
TEST(VitGolden, MeanPoolingWithPlainKernels) { expect_agrees(Pool::mean, "mean.", Kernels::plain); }

}  // namespace
}  // namespace mvmoe
