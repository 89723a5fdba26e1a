// Inference: by panels, with attention that stores no scores, shared among threads. Wrong but plausible, and what shows
// it: a piece that two threads write or none does, a scratch buffer that they share, a reduction cut by the number of
// threads (the same bits with 1, 2, 3 and 8 threads, with one image and with several); GELU, bias, residual, a gate or
// an expert lost on the fast way, or written over while it is still read (the recorded way's numbers); weights of
// before (they change in between).
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstring>

#include "engine/lanes.h"
#include "models/vit.h"
#include "tests/ops/op_test.h"

namespace mvmoe {
namespace {

// Width 32 is whole vectors everywhere but in the head, and 17 tokens are not a whole number of them; and 24 has panels
// for a part of its weights.
ModelConfig config_of(int width, const MoeConfig& moe, Pool pool) {
  ModelConfig config;
  config.depth = 3, config.width = width, config.heads = 2, config.patch = 4, config.image = 16, config.classes = 7,
  config.pool = pool;
  config.moe = moe;
  return config;
}

std::vector<float> infer(const ViT& model, Tensor images, LaneConfig config, Kernels kernels = Kernels::fast) {
  Lanes lanes(model.parameters(), config, kernels);
  const Panels panels(model.parameters(), lanes.threads());
  const int classes = model.config().classes;
  std::vector<float> logits(static_cast<std::size_t>(images.shape()[0] * classes));
  for (int round = 0; round < 3; ++round)  // the first does not find memory as the others do
    lanes.infer(images.shape()[0], &panels, [&](Context& c, Lane lane) {
      const Tensor out = model.forward(c, images.outer_slice(lane.first, lane.images)).logits.value();
      std::copy_n(out.data(), out.size(), logits.data() + static_cast<std::ptrdiff_t>(lane.first) * classes);
    });
  return logits;
}

// The recorded way: every operation's own forward.
Tensor recorded(const ViT& model, Context& c, const Block& gradients, Tensor images) {
  c.begin({}, &gradients);
  return model.forward(c, images).logits.value();
}

struct Network {
  const char* name;
  int width;
  MoeConfig moe;
};

const Network networks[] = {
    {"dense", 32, {}},
    {"dense of width 24", 24, {}},
    {"superclass", 32, {.experts = 6, .layers = 2, .routing = Routing::superclass}},
    {"image", 32, {.experts = 4, .layers = 1, .top_k = 2, .routing = Routing::image, .shared_experts = 1}},
    {"token", 32, {.experts = 4, .layers = 2, .top_k = 2, .routing = Routing::token}},
};

TEST(Inference, IsTheRecordedForwardToRounding) {
  for (const Network& n : networks)
    for (const Pool pool : {Pool::cls, Pool::mean}) {
      Bench bench;
      ViT model(config_of(n.width, n.moe, pool));
      model.initialise(3);
      for (std::size_t i = 0; i < model.parameters().weights().size(); ++i)
        model.parameters().weights()[i] *= 3;  // far from a start near zero
      const Tensor images = bench.random({5, 3, 16, 16});
      const Block gradients(model.parameters().block_size());
      Context c(model.parameters());
      const Tensor expected = recorded(model, c, gradients, images);
      for (const Kernels kernels : {Kernels::fast, Kernels::plain}) {
        std::vector<float> logits = infer(model, images, {.threads = 2, .lane_size = 5}, kernels);
        expect_close(Tensor(logits.data(), expected.shape()), expected, 1e-5, n.name);
      }
    }
}

TEST(Inference, IsTheSameBitsWithAnyNumberOfThreads) {
  for (const Network& n : networks)
    for (const int images : {1, 3, 5})
      for (const int lane_size : {1, 2, 8}) {
        Bench bench;
        ViT model(config_of(n.width, n.moe, Pool::cls));
        model.initialise(3);
        const Tensor x = bench.random({images, 3, 16, 16});
        const std::vector<float> one = infer(model, x, {.threads = 1, .lane_size = lane_size});
        for (const int threads : {2, 3, 8})
          EXPECT_EQ(std::memcmp(one.data(), infer(model, x, {.threads = threads, .lane_size = lane_size}).data(),
                                one.size() * sizeof(float)),
                    0)
              << n.name << ", " << images << " images, lanes of " << lane_size << ", " << threads << " threads";
      }
}

TEST(Inference, TakesTheMemoryOfOneBlockHoweverMany) {
  const auto used = [](int depth, int lane_size) {
    Bench bench;
    ModelConfig config = config_of(32, {}, Pool::mean);
    config.depth = depth;
    ViT model(config);
    model.initialise(3);
    Lanes lanes(model.parameters(), {.threads = 2, .lane_size = lane_size}, Kernels::fast);
    const Panels panels(model.parameters(), lanes.threads());
    const Tensor x = bench.random({3, 3, 16, 16});
    std::atomic<std::size_t> bytes{0};
    lanes.infer(3, &panels, [&](Context& c, Lane lane) {
      model.forward(c, x.outer_slice(lane.first, lane.images));
      bytes = c.arena.mark().used;
    });
    return bytes.load();
  };
  EXPECT_GT(used(2, 3), 3u * 17 * 32 * sizeof(float));  // one lane that all threads do together
  EXPECT_EQ(used(2, 3), used(5, 3));
  EXPECT_EQ(used(2, 1), used(5, 1));
}

TEST(Inference, ReadsTheWeightsThatPanelsWereMadeOf) {
  Bench bench;
  ViT model(config_of(32, {}, Pool::cls));
  model.initialise(3);
  const Tensor x = bench.random({1, 3, 16, 16});
  const std::vector<float> before = infer(model, x, {.threads = 2, .lane_size = 1});
  model.initialise(4);
  EXPECT_NE(before, infer(model, x, {.threads = 2, .lane_size = 1}));
}

}  // namespace
}  // namespace mvmoe
