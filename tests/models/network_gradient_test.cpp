// The whole network. Wrong but plausible, and what shows it: a branch without its sum, a norm left out or shared, the
// wrong block's parameters, the last block's class-token path reading other rows of qkv than the whole does (all
// ends against one reference); the first patch taken for a class token, the norm before a pooling that it must follow;
// a gradient of a variable that is read twice, not added up or not zero at first; drop path drawn by the place in the
// lane.
#include <gtest/gtest.h>

#include <cmath>

#include "models/vit.h"
#include "tests/ops/op_test.h"
#include "tools/gradcheck/network.h"

namespace mvmoe {
namespace {

TEST(NetworkGradient, EveryParameterMatchesTheReferenceNetwork) {
  for (const gradcheck::NetworkEnd end : gradcheck::network_ends)
    for (const std::uint64_t seed : {1, 2, 3}) {
      const gradcheck::Result result = gradcheck::check_network(end, seed);
      EXPECT_EQ(result.verdict, gradcheck::Verdict::passed) << result.op << ", seed " << seed << ": " << result.reason;
    }
}

// Four images at once, or cut into lanes of one and three: the same logits, the same branches dropped.
TEST(NetworkGradient, LanesDoNotChangeWhichBranchesAreDropped) {
  ModelConfig config;
  config.depth = 3, config.width = 8, config.heads = 2, config.patch = 4, config.image = 8, config.classes = 3,
  config.drop_path = 0.7f;
  ViT model(config);
  model.initialise(5);
  for (const Parameter& p : model.parameters().list())  // far from 0.02, so that a dropped branch is seen
    for (std::size_t i = 0; i < p.shape.size(); ++i) model.parameters().weights()[p.offset + i] *= 10;
  Bench bench;
  const Tensor images = bench.random({4, 3, 8, 8});
  Context context(model.parameters());
  const auto logits_of = [&](int first, int count, bool training) {
    context.begin({.training = training, .seed = 9, .step = 2, .first_image = static_cast<std::uint64_t>(first)},
                  nullptr);
    const Tensor logits = bench.zeros({count, 3});
    logits.copy_from(model.forward(context, images.outer_slice(first, count)).logits.value());
    return logits;
  };
  const Tensor whole = logits_of(0, 4, true), one = logits_of(0, 1, true), three = logits_of(1, 3, true);
  expect_close(one, whole.outer_slice(0, 1), 1e-5, "the first image");
  expect_close(three, whole.outer_slice(1, 3), 1e-5, "the other three");
  const Tensor evaluated = logits_of(0, 4, false);
  float difference = 0;
  for (std::size_t i = 0; i < whole.size(); ++i) difference = std::max(difference, std::abs(whole[i] - evaluated[i]));
  EXPECT_GT(difference, 0.01f) << "nothing was dropped: the test shows nothing";
}

}  // namespace
}  // namespace mvmoe
