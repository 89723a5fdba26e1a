// A model that begins from another's weights. Wrong but plausible, and what shows it: an expert's bias copied from its
// neighbour's, a shared expert that adds to the copy, gates that do not sum to 1, a tensor of another shape read
// anyway.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/engine/helpers.h"
#include "tests/train/small_run.h"
#include "train/files/positions.h"
#include "train/files/start.h"
#include "train/files/weights.h"

namespace mvmoe {
namespace {

ViT model_of(const MoeConfig& moe, std::uint64_t seed, int classes = 3) {
  ModelConfig config = small_model(classes);
  config.moe = moe;
  ViT model(config);
  model.initialise(seed);
  return model;
}

std::filesystem::path saved(const ViT& model, const char* name) {
  const auto path =
      std::filesystem::temp_directory_path() / ("mvmoe-start-test-" + std::to_string(getpid()) + "-" + name);
  save_weights(path, model,
               {.model = model.config(),
                .classes = std::vector<std::string>(static_cast<std::size_t>(model.config().classes), "c"),
                .preprocessing = {},
                .superclass_of = {}});
  return path;
}

std::vector<float> logits_of(const ViT& model) {
  const Block memory(6 * 3 * 8 * 8);
  Random random(9, Place::test);
  for (std::size_t i = 0; i < memory.size(); ++i) memory[i] = random.normal();
  Context c(model.parameters());
  c.begin({}, nullptr);
  const Tensor logits = model.forward(c, Tensor(memory.data(), {6, 3, 8, 8})).logits.value();
  return {logits.data(), logits.data() + logits.size()};
}

TEST(Start, AnUpcycledNetworkIsTheDenseOne) {
  ViT dense = model_of({}, 1);
  for (const Parameter& p : dense.parameters().list())  // biases start at 0: a misplaced one would not show
    for (std::size_t i = 0; i < p.shape.size(); ++i)
      dense.parameters().weights()[p.offset + i] += 0.1f * Random(4, Place::test, i, p.offset).normal();
  const auto path = saved(dense, "dense");
  const auto must_be = logits_of(dense);
  for (const Routing routing : {Routing::superclass, Routing::image, Routing::token})
    for (const int k : {1, 2, 4})
      for (const int shared : {0, 1}) {
        const ViT sparse = model_of({.experts = 4,
                                     .layers = 2,
                                     .top_k = k,
                                     .routing = routing,
                                     .renormalise_gates = true,
                                     .shared_experts = shared},
                                    2);
        const Started started = upcycle(path, sparse);
        const auto is = logits_of(sparse);
        for (std::size_t i = 0; i < is.size(); ++i)
          EXPECT_NEAR(is[i], must_be[i], 1e-5f) << routing_name(routing) << ", k " << k << ", shared " << shared;
        for (const std::string& name : started.fresh)
          EXPECT_TRUE(name.find("router") != std::string::npos || name.find("shared") != std::string::npos) << name;
        EXPECT_TRUE(started.unused.empty());
      }
  std::filesystem::remove(path);
}

TEST(Start, WhatBothHaveIsReadAndTheRestKeepsItsStart) {
  const ViT dense = model_of({}, 1);
  const auto path = saved(dense, "trunk");
  const MoeConfig moe{.experts = 2, .layers = 1};
  const ViT sparse = model_of(moe, 2), untouched = model_of(moe, 2);
  const Started started = start_from(path, sparse);
  EXPECT_EQ(started.unused, (std::vector<std::string>{"blocks.1.mlp.fc1.bias", "blocks.1.mlp.fc1.weight",
                                                      "blocks.1.mlp.fc2.bias", "blocks.1.mlp.fc2.weight"}));
  for (std::size_t i = 0; i < sparse.parameters().list().size(); ++i) {
    const Parameter& p = sparse.parameters().list()[i];
    const bool fresh = std::find(started.fresh.begin(), started.fresh.end(), p.name) != started.fresh.end();
    EXPECT_EQ(fresh, dense.parameters().find(p.name) == nullptr) << p.name;
    const float* must_be = fresh ? untouched.parameters().weights().data() + p.offset
                                 : dense.parameters().weights().data() + dense.parameters().find(p.name)->offset;
    for (std::size_t j = 0; j < p.shape.size(); ++j)
      ASSERT_EQ(sparse.parameters().weights()[p.offset + j], must_be[j]) << p.name;
  }
  std::filesystem::remove(path);
}

// Current timm is the authority (tools/golden/positions.py). Wrong but plausible: the slope -0.75 of bicubic without
// antialias (1e-2 and more), no antialias downwards, the class token resampled with the rest.
TEST(Start, PositionsAreResampledAsTimms) {
  const SafetensorsFile file("tests/golden/positions.safetensors");
  std::vector<float> g7(50 * 3);
  file.read("g7", {g7.data(), {1, 50, 3}});
  for (const int side : {2, 4, 6, 8, 14}) {
    const Shape shape{1, 1 + side * side, 3};
    std::vector<float> is(shape.size()), must_be(shape.size());
    file.read("to." + std::to_string(side), {must_be.data(), shape});
    resample_positions({g7.data(), {1, 50, 3}}, {is.data(), shape});
    for (std::size_t i = 0; i < is.size(); ++i) ASSERT_NEAR(is[i], must_be[i], 3e-6f) << side << "[" << i << "]";
  }
}

TEST(Start, AnotherImageSizeAndOtherClasses) {
  const ViT small = model_of({}, 1, 5);  // 2 x 2 patches
  const auto path = saved(small, "grown");
  ModelConfig config = small_model(3);
  config.image = 16;
  ViT large(config), untouched(config);
  large.initialise(2);
  untouched.initialise(2);
  const Started started = start_from(path, large);
  EXPECT_EQ(started.notes, (std::vector<std::string>{"positions of 4 patches resampled for 16",
                                                     "the head starts anew, for 3 classes instead of 5"}));
  EXPECT_TRUE(started.fresh.empty() && started.unused.empty());
  const auto value = [](const ViT& model, const char* name) {
    const Parameter* p = model.parameters().find(name);
    return std::vector<float>(model.parameters().weights().data() + p->offset,
                              model.parameters().weights().data() + p->offset + p->shape.size());
  };
  EXPECT_EQ(value(large, "head.weight"), value(untouched, "head.weight"));
  EXPECT_EQ(value(large, "blocks.1.mlp.fc2.weight"), value(small, "blocks.1.mlp.fc2.weight"));
  const auto there = value(small, "pos_embed"), here = value(large, "pos_embed");
  for (std::size_t d = 0; d < 12; ++d) EXPECT_EQ(here[d], there[d]);  // the class token's
  EXPECT_NE(here, value(untouched, "pos_embed"));
  std::filesystem::remove(path);
}

TEST(Start, OnlyADenseNetworkIsUpcycled) {
  const MoeConfig moe{.experts = 2, .layers = 1, .renormalise_gates = true};
  const auto path = saved(model_of(moe, 1), "sparse");
  const ViT sparse = model_of(moe, 2);
  EXPECT_NE(message_of([&] {
              upcycle(path, sparse);
            }).find("is no dense network's: it has nothing to make blocks.1.mlp.experts."),
            std::string::npos);
  std::filesystem::remove(path);
}

TEST(Start, AnotherShapeIsNamed) {
  const auto path = saved(model_of({}, 1, 5), "five");
  ModelConfig other = small_model();
  other.mlp_ratio = 2;
  const ViT narrow(other);
  const std::string message = message_of([&] { start_from(path, narrow); });
  EXPECT_NE(message.find("blocks.0.mlp.fc1.weight"), std::string::npos) << message;
  EXPECT_NE(message.find("[48, 12]"), std::string::npos) << message;
  EXPECT_NE(message.find("[24, 12]"), std::string::npos) << message;
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace mvmoe
