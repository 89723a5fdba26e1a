// The sparse network against the dense one where both must agree, for each kind of routing. Wrong but plausible, and
// what shows it: a gate that is not 1 for one expert, experts' rows mixed up, a residual left out, rows of the class
// token where all are meant.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "models/vit.h"
#include "tests/ops/op_test.h"

namespace mvmoe {
namespace {

ModelConfig sparse(Routing routing, int experts, int k, Pool pool = Pool::cls) {
  ModelConfig config;
  config.depth = 3, config.width = 12, config.heads = 2, config.patch = 4, config.image = 8, config.classes = 5,
  config.pool = pool;
  config.moe = {.experts = experts, .layers = 2, .top_k = k, .routing = routing};
  return config;
}

// Every expert of `to` gets the dense MLP, all other tensors their namesakes; the router keeps its own start.
void copy_dense(const ViT& from, const ViT& to) {
  for (std::size_t i = 0; i < to.parameters().list().size(); ++i) {
    const Parameter& p = to.parameters().list()[i];
    const Tensor target = to.parameters().value(static_cast<ParameterId>(i));
    std::string name = p.name;
    const std::size_t at = name.find("experts.");
    if (at != std::string::npos) name.erase(at, 8);
    for (std::size_t j = 0; j < from.parameters().list().size(); ++j) {
      if (from.parameters().list()[j].name != name) continue;
      const Tensor source = from.parameters().value(static_cast<ParameterId>(j));
      for (std::size_t k = 0; k < target.size(); ++k) target[k] = source[k % source.size()];
    }
  }
}

std::vector<float> logits(const ViT& model, Override override = {}) {
  Bench b;
  Context c(model.parameters());
  c.begin({}, nullptr);
  const Tensor out = model.forward(c, b.random({3, 3, 8, 8}), override).logits.value();
  return {out.data(), out.data() + out.size()};
}

ViT dense(Pool pool) {
  ModelConfig config = sparse(Routing::image, 0, 1, pool);
  ViT model(config);
  model.initialise(4);
  return model;
}

TEST(Sparse, OneExpertIsTheDenseNetworkBitForBit) {
  for (const Pool pool : {Pool::cls, Pool::mean})
    for (const Routing routing : {Routing::superclass, Routing::image, Routing::token}) {
      const ViT small = dense(pool);
      ViT model(sparse(routing, 1, 1, pool));
      model.initialise(5);
      copy_dense(small, model);
      const auto must_be = logits(small), is = logits(model);
      // The dense last block computes the class token alone, a block that routes tokens all of them: products of other
      // heights, whose last bits oneDNN does not promise.
      if (routing == Routing::token && pool == Pool::cls)
        for (std::size_t i = 0; i < is.size(); ++i) EXPECT_NEAR(is[i], must_be[i], 1e-6) << i;
      else EXPECT_EQ(must_be, is) << routing_name(routing) << ", pool " << pool_name(pool);
    }
}

TEST(Sparse, AllOfEqualExpertsAreTheDenseNetwork) {
  for (const Routing routing : {Routing::image, Routing::token}) {
    const ViT small = dense(Pool::cls);
    ViT model(sparse(routing, 4, 4));  // all gates together are 1
    model.initialise(5);
    copy_dense(small, model);
    const auto is = logits(model), must_be = logits(small);
    for (std::size_t i = 0; i < is.size(); ++i) EXPECT_NEAR(is[i], must_be[i], 1e-6) << i;
  }
}

// What V-MoE has otherwise. Copies at first, they part as soon as they are sent different images.
TEST(Sparse, RoutersWithoutBiasAndExpertsWithEqualStarts) {
  for (const Routing routing : {Routing::image, Routing::token}) {
    ModelConfig config = sparse(routing, 4, 4);
    config.moe.router_bias = false, config.moe.equal_start = true;
    ViT model(config), other(sparse(routing, 4, 4));
    model.initialise(5);
    const std::string router = routing == Routing::image ? "router" : "blocks.2.mlp.router";
    EXPECT_TRUE(model.parameters().find(router + ".weight"));
    EXPECT_FALSE(model.parameters().find(router + ".bias"));
    EXPECT_TRUE(other.parameters().find(router + ".bias"));
    const Parameter& fc1 = *model.parameters().find("blocks.2.mlp.experts.fc1.weight");
    const Tensor weight(model.parameters().weights().data() + fc1.offset, fc1.shape);  // [E, 4D, D]
    for (std::size_t i = 0; i < weight.size(); ++i) ASSERT_EQ(weight[i], weight[i % (weight.size() / 4)]) << i;
    const ViT one = dense(Pool::cls);  // all gates together are 1: the dense network with the first expert for its MLP
    copy_dense(one, model);
    const auto is = logits(model), must_be = logits(one);
    for (std::size_t i = 0; i < is.size(); ++i) EXPECT_NEAR(is[i], must_be[i], 1e-6) << i;
    EXPECT_EQ(nlohmann::json(config).get<ModelConfig>(), config);
    EXPECT_FALSE(nlohmann::json(other.config()).dump().find("router_bias") != std::string::npos)
        << "descriptions stay as older versions read them";
  }
}

TEST(Sparse, AnImageGoesWhereItIsSent) {
  ViT model(sparse(Routing::image, 3, 1));
  model.initialise(6);
  Bench b;
  Context c(model.parameters());
  c.begin({}, nullptr);
  const int there[3] = {2, 0, 2};
  const ModelOutput out = model.forward(c, b.random({3, 3, 8, 8}), {there});
  ASSERT_EQ(out.routers, 1);
  const Assignments& a = out.routed[0].assignments;
  EXPECT_EQ((std::vector<int>{a.item, a.item + a.count}), (std::vector<int>{1, 0, 2}));
  EXPECT_EQ((std::vector<int>{a.begin, a.begin + 4}), (std::vector<int>{0, 1, 1, 3}));
}

TEST(Sparse, GradientsReachTheRouterAndOnlyChosenExperts) {
  for (const Routing routing : {Routing::image, Routing::token}) {
    const ModelConfig config = sparse(routing, 7, 1);
    ViT model(config);
    model.initialise(7);
    const Block gradients(model.parameters().block_size());
    Bench b;
    Context c(model.parameters());
    c.begin({.training = true}, &gradients);
    const ModelOutput out = model.forward(c, b.random({2, 3, 8, 8}));
    c.tape.backward(out.logits, b.random({2, 5}, 3));
    const auto largest = [&](const std::string& name, int expert) {
      float m = 0;
      for (std::size_t i = 0; i < model.parameters().list().size(); ++i) {
        if (model.parameters().list()[i].name != name) continue;
        Tensor t = model.parameters().piece(gradients, static_cast<ParameterId>(i));
        if (expert >= 0) t = t.outer_slice(expert, 1);
        for (std::size_t j = 0; j < t.size(); ++j) m = std::max(m, std::abs(t[j]));
      }
      return m;
    };
    EXPECT_GT(largest(routing == Routing::image ? "router.weight" : "blocks.1.mlp.router.weight", -1), 0);
    const Assignments& a = out.routed[0].assignments;  // of the images, or of block 1's tokens
    for (int e = 0; e < 7; ++e) {
      const bool chosen = a.begin[e + 1] > a.begin[e];
      EXPECT_EQ(largest("blocks.1.mlp.experts.fc1.weight", e) > 0, chosen) << "expert " << e;
    }
  }
}

}  // namespace
}  // namespace mvmoe
