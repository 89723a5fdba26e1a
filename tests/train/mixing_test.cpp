// Mixing. Wrong but plausible, and what shows it: a lambda that is not Beta distributed (moments up to the sixth, for
// alphas on both sides of 1); pairs across lanes; a pair mixed one after the other, so that the second gets the first's
// mixture; a share that is the drawn lambda instead of what the clipped square leaves; a router guided to the own
// super-class alone.
#include "train/augment/mixing.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/error.h"
#include "engine/random.h"
#include "tests/train/small_run.h"

namespace mvmoe {
namespace {

// E x^k of Beta(a, a) is the product of (a + i) / (2a + i). The tolerance is 5 standard errors, from the variance of
// x^k.
TEST(Mixing, BetaHasItsMoments) {
  constexpr int n = 100'000;
  for (const double a : {0.1, 0.8, 1.0, 2.5, 30.0}) {
    Random random(7, Place::test, static_cast<std::uint64_t>(a * 10));
    std::vector<double> x;
    for (int i = 0; i < n; ++i) x.push_back(beta(random, a));
    const auto moment = [&](int k) {
      double product = 1;
      for (int i = 0; i < k; ++i) product *= (a + i) / (2 * a + i);
      return product;
    };
    for (int k = 1; k <= 6; ++k) {
      double sum = 0;
      for (const double v : x) sum += std::pow(v, k);
      EXPECT_NEAR(sum / n, moment(k), 5 * std::sqrt((moment(2 * k) - moment(k) * moment(k)) / n))
          << "alpha " << a << ", moment " << k;
    }
  }
}

TEST(Mixing, ATinyAlphaGivesNoNumberThatIsNone) {
  Random random(7, Place::test);
  int low = 0;
  for (int i = 0; i < 1000; ++i) {
    const double x = beta(random, 1e-4);
    ASSERT_TRUE(x >= 0 && x <= 1);
    low += x < 0.5;
  }
  EXPECT_NEAR(low, 500, 80);
}

TEST(Mixing, HalfOfTheBatchesAreCutAndTheShareIsWhatTheSquareLeaves) {
  constexpr int side = 40, batches = 4000;
  int cut = 0, clipped = 0;
  std::vector<int> place_x(4);
  for (std::uint64_t step = 0; step < batches; ++step) {
    const Mix mix = choose_mix(3, step, side, {});
    ASSERT_TRUE(mix.lambda >= 0 && mix.lambda <= 1);
    if (!mix.cutmix) continue;
    ++cut;
    const Rectangle& s = mix.square;
    ASSERT_TRUE(s.left >= 0 && s.top >= 0 && s.left + s.width <= side && s.top + s.height <= side);
    EXPECT_FLOAT_EQ(mix.lambda, 1 - static_cast<float>(s.width * s.height) / (side * side));
    clipped += s.width != s.height;
    if (s.width > 0) ++place_x[static_cast<std::size_t>((s.left + s.width / 2) * 4 / side)];
  }
  EXPECT_NEAR(cut, batches / 2, 5 * std::sqrt(batches / 4));
  EXPECT_GT(clipped, cut / 4);
  for (const int n : place_x) EXPECT_NEAR(n, cut / 4, cut / 8);
}

TEST(Mixing, EachOfTheTwoCanBeOffAndBatchesCanBeLeftAsTheyAre) {
  int mixed = 0;
  for (std::uint64_t step = 0; step < 1000; ++step) {
    EXPECT_FALSE(choose_mix(3, step, 40, {.cutmix_alpha = 0}).cutmix);
    EXPECT_TRUE(choose_mix(3, step, 40, {.mixup_alpha = 0}).cutmix);
    EXPECT_EQ(choose_mix(3, step, 40, {.mixup_alpha = 0, .cutmix_alpha = 0}).lambda, 1);
    mixed += choose_mix(3, step, 40, {.cutmix_alpha = 0, .probability = 0.25f}).lambda < 1;
  }
  EXPECT_NEAR(mixed, 250, 70);
  EXPECT_EQ(choose_mix(3, 5, 40, {}).lambda, choose_mix(3, 5, 40, {}).lambda);
  EXPECT_NE(choose_mix(3, 5, 40, {}).lambda, choose_mix(4, 5, 40, {}).lambda);
}

TEST(Mixing, PartnersAreInsideALane) {
  EXPECT_EQ(mixing_partners(7, 4), (std::vector<int>{3, 2, 1, 0, 6, 5, 4}));
  EXPECT_EQ(mixing_partners(3, 8), (std::vector<int>{2, 1, 0}));
  EXPECT_EQ(mixing_partners(3, 1), (std::vector<int>{0, 1, 2}));
}

TEST(Mixing, TheMiddleOfAnOddLaneStaysAsItIs) {
  std::vector<float> memory{1, 2, 3, 10, 20, 30, 5, 6, 7};
  mix_images({.lambda = 0.25f}, mixing_partners(3, 8), Tensor(memory.data(), {3, 3, 1, 1}));
  EXPECT_EQ(memory, (std::vector<float>{4, 5, 6, 10, 20, 30, 2, 3, 4}));
  std::vector<float> targets(6);
  mix_targets(0.25f, mixing_partners(3, 8), {0, 1, 1}, 0, Tensor(targets.data(), {3, 2}));
  EXPECT_EQ(targets, (std::vector<float>{0.25f, 0.75f, 0, 1, 0.75f, 0.25f}));
}

TEST(Mixing, WrongShapesAreErrors) {
  std::vector<float> memory(36);
  EXPECT_THROW(mix_images({}, {1, 0}, Tensor(memory.data(), {3, 3, 2, 2})), Error);
  EXPECT_THROW(mix_images({}, {1, 0}, Tensor(memory.data(), {2, 1, 2, 2})), Error);
  EXPECT_THROW(mix_targets(1, {1, 0}, {0, 1, 1}, 0, Tensor(memory.data(), {3, 2})), Error);
}

struct Guided {
  double loss = 0, accuracy = 0;
  std::vector<float> gradient = {};  // of all weights
};

// A step on 12 images in lanes of 5, whose only loss is the guidance.
Guided guided(std::vector<int> labels, std::vector<int> partner, float lambda) {
  ModelConfig config = small_model();
  config.moe = {.experts = 3, .layers = 1, .routing = Routing::superclass};
  ViT model(config);
  model.initialise(3);
  StepConfig step;
  step.routing = {.superclass_of = {2, 0, 1}, .guide_weight = 1};
  step.lanes = {.threads = 2, .lane_size = 5, .gradient_blocks = 3};
  Trainer trainer(model, step);
  const ImageSet images = small_images(12);
  Loader loader(images, small_loader(12));
  Batch batch = loader.next();
  batch.targets.fill(0);
  batch.labels = std::move(labels), batch.partner = std::move(partner), batch.lambda = lambda;
  const StepResult result = train_step(trainer, batch);
  return {result.routing.guidance, result.router_accuracy, numbers(trainer.gradients.total())};
}

// The guidance of a mixed batch is the mixture of the guidance by the own classes and of that by the partners', and its
// gradient too. Lanes of 5: what is read at a lane's own place instead of the batch's is another label.
TEST(Mixing, TheGuidanceIsMixedAsTheLabelIs) {
  const std::vector<int> own{0, 1, 2, 2, 1, 0, 0, 0, 1, 2, 1, 1}, partner = mixing_partners(12, 5);
  std::vector<int> others;
  for (const int place : partner) others.push_back(own[static_cast<std::size_t>(place)]);
  ASSERT_NE(own, others);
  const Guided by_own = guided(own, {}, 1), by_others = guided(others, {}, 1);
  ASSERT_GT(std::abs(by_own.loss - by_others.loss), 1e-4);
  for (const float lambda : {0.3f, 0.8f}) {
    const Guided mixed = guided(own, partner, lambda);
    EXPECT_NEAR(mixed.loss, lambda * by_own.loss + (1 - lambda) * by_others.loss, 1e-6);
    EXPECT_EQ(mixed.accuracy, lambda < 0.5f ? by_others.accuracy : by_own.accuracy);
    float largest = 0, error = 0;
    for (std::size_t i = 0; i < mixed.gradient.size(); ++i) {
      const float must_be = lambda * by_own.gradient[i] + (1 - lambda) * by_others.gradient[i];
      largest = std::max(largest, std::abs(must_be));
      error = std::max(error, std::abs(mixed.gradient[i] - must_be));
    }
    EXPECT_GT(largest, 1e-3f);
    EXPECT_LT(error, 1e-5f * largest);
  }
  EXPECT_NE(by_own.accuracy, by_others.accuracy);
}

}  // namespace
}  // namespace mvmoe
