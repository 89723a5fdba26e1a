// Attention rollout: by hand, and against the probabilities that timm computes (tools/golden/rollout.py). Wrong but
// plausible, and what shows it: matrices multiplied in the other order, the residual's half left out, rows taken for
// columns, the class token in the mean or its share among the patches', a scale that is not the head's, the last
// block's one row misread.
#include <gtest/gtest.h>

#include <filesystem>

#include "models/rollout.h"
#include "models/vit.h"
#include "tests/ops/op_test.h"
#include "tests/train/small_run.h"
#include "train/files/load_model.h"
#include "train/files/start.h"
#include "train/files/weights.h"

namespace mvmoe {
namespace {

const AttentionMap first{.queries = 3, .tokens = 3, .mean = {0.5f, 0.25f, 0.25f, 0, 1, 0, 0, 0.5f, 0.5f}};
const AttentionMap second{.queries = 3, .tokens = 3, .mean = {0.2f, 0.8f, 0, 0.1f, 0.9f, 0, 0.4f, 0.2f, 0.4f}};

void expect_shares(const std::vector<float>& is, const std::vector<double>& must_be) {
  ASSERT_EQ(is.size(), must_be.size());
  for (std::size_t i = 0; i < is.size(); ++i) EXPECT_NEAR(is[i], must_be[i], 1e-7) << i;
}

// B_1 = [3/4 1/8 1/8; 0 1 0; 0 1/4 3/4], B_2 = [0.6 0.4 0; 0.05 0.95 0; 0.2 0.1 0.7].
TEST(Rollout, OfAClassTokenByHand) {
  expect_shares(attention_rollout({second}, Pool::cls, 1), {0.4, 0});
  expect_shares(attention_rollout({first, second}, Pool::cls, 1), {0.6 / 8 + 0.4, 0.6 / 8});
}

TEST(Rollout, OfTheMeanOfThePatchesByHand) {
  // The mean of B_2's last two rows is [0.125 0.525 0.35].
  expect_shares(attention_rollout({first, second}, Pool::mean, 1),
                {0.125 / 8 + 0.525 + 0.35 / 4, 0.125 / 8 + 0.35 * 0.75});
  // Without a class token all three are patches: [0.85 1.45 0.7] / 3.
  expect_shares(attention_rollout({first, second}, Pool::mean, 0),
                {0.85 * 0.75 / 3, (0.85 / 8 + 1.45 + 0.7 / 4) / 3, (0.85 / 8 + 0.7 * 0.75) / 3});
}

TEST(Rollout, OfALastBlockWhereOnlyTheClassTokenAsks) {
  const AttentionMap row{.queries = 1, .tokens = 3, .mean = {0.2f, 0.8f, 0}};
  EXPECT_EQ(attention_rollout({first, row}, Pool::cls, 1), attention_rollout({first, second}, Pool::cls, 1));
  EXPECT_EQ(attention_rollout({row}, Pool::cls, 1), attention_rollout({second}, Pool::cls, 1));
}

TEST(Rollout, MapsThatDoNotFitTogether) {
  const AttentionMap row{.queries = 1, .tokens = 3, .mean = {0.2f, 0.8f, 0}},
      two{.queries = 2, .tokens = 2, .mean = {1, 0, 0, 1}};
  EXPECT_EQ(message_of([&] { attention_rollout({}, Pool::cls, 1); }), "attention_rollout: no block's map is given");
  EXPECT_EQ(message_of([&] {
              attention_rollout({row, second}, Pool::cls, 1);
            }),
            "attention_rollout: a map of 1 x 3 tokens stands before one of 3, must be square and of as many");
  EXPECT_EQ(message_of([&] {
              attention_rollout({two, second}, Pool::cls, 1);
            }),
            "attention_rollout: a map of 2 x 2 tokens stands before one of 3, must be square and of as many");
}

class RolloutGolden : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Timm, RolloutGolden,
                         testing::Values("token", "avg_norm", "avg_no_class_token", "layer_scale"));

TEST_P(RolloutGolden, ProbabilitiesAndSharesAreTimms) {
  const std::string name = GetParam();
  const Golden golden("tests/golden/rollout.safetensors"), inputs("tests/golden/timm/expected.safetensors");
  Bench bench;
  const LoadedModel loaded = load_model("tests/golden/timm/" + name + "/model.safetensors");
  const ModelConfig& config = loaded.model->config();
  const Tensor images = inputs.read(bench, "images.12");  // [3, 3, 12, 12]
  Context context(loaded.model->parameters());
  const auto logits = [&](AttentionMaps* maps) {
    context.begin({}, nullptr);
    const Tensor out = loaded.model->forward(context, images, {}, maps).logits.value();
    return std::vector<float>(out.data(), out.data() + out.size());
  };
  AttentionMaps maps;
  EXPECT_EQ(logits(&maps), logits(nullptr)) << "who looks on changes nothing";
  ASSERT_EQ(maps.size(), 3u);
  const int T = config.tokens(), N = config.patches();
  const Tensor shares = golden.read(bench, name + ".rollout");  // [3, N]
  for (int i = 0; i < 3; ++i) {
    std::vector<AttentionMap>& blocks = maps[static_cast<std::size_t>(i)];
    ASSERT_EQ(blocks.size(), 2u);
    EXPECT_EQ(blocks[1].queries, config.pool == Pool::cls ? 1 : T)
        << "nothing is computed for tokens that nobody reads";
    for (int b = 0; b < 2; ++b) {
      AttentionMap& map = blocks[static_cast<std::size_t>(b)];
      const Tensor whole = golden.read(bench, name + ".block." + std::to_string(b)).outer_slice(i, 1).reshaped({T, T});
      expect_close(Tensor(map.mean.data(), {map.queries, T}), whole.outer_slice(0, map.queries), 2e-6,
                   text(name, ", block ", b));
    }
    std::vector<float> is = attention_rollout(blocks, config.pool, config.first_patch());
    expect_close(Tensor(is.data(), {N}), shares.outer_slice(i, 1).reshaped({N}), 2e-6, name);
  }
}

// An upcycled network computes what the dense one does, so it looks at the same; a block that routes tokens keeps all
// of them.
TEST(Rollout, OfASparseNetwork) {
  ViT dense(small_model());
  dense.initialise(1);
  Bench bench;
  const auto path = std::filesystem::temp_directory_path() / ("mvmoe-rollout-test-" + std::to_string(getpid()));
  save_weights(path, dense,
               {.model = dense.config(), .classes = {"a", "b", "c"}, .preprocessing = {}, .superclass_of = {}});
  const Tensor images = bench.random({2, 3, 8, 8});
  const auto shares_of = [&](const ViT& model) {
    Context context(model.parameters());
    context.begin({}, nullptr);
    AttentionMaps maps;
    model.forward(context, images, {}, &maps);
    std::vector<float> shares;
    for (const auto& blocks : maps)
      for (const float share : attention_rollout(blocks, model.config().pool, model.config().first_patch()))
        shares.push_back(share);
    return shares;
  };
  const std::vector<float> must_be = shares_of(dense);
  ASSERT_EQ(must_be.size(), 8u);
  for (const Routing routing : {Routing::superclass, Routing::image, Routing::token}) {
    ModelConfig config = small_model();
    config.moe = {.experts = 3, .layers = 1, .top_k = 2, .routing = routing, .renormalise_gates = true};
    const ViT sparse(config);
    upcycle(path, sparse);
    const std::vector<float> is = shares_of(sparse);
    ASSERT_EQ(is.size(), must_be.size());
    for (std::size_t i = 0; i < is.size(); ++i)
      EXPECT_NEAR(is[i], must_be[i], 1e-6) << routing_name(routing) << "[" << i << "]";
  }
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace mvmoe
