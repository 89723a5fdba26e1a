// What each rank of several does, without MPI: shares, their batches, and the gradient that they add up to. The sums
// over ranks themselves: tests/cli/ranks.sh. Wrong but plausible, and what shows it: a share that cuts a lane in two
// (sizes that are no multiple of it); random numbers keyed by the place in the share (drop path on); a mean over the
// share's images.
#include <gtest/gtest.h>

#include <cmath>
#include <csignal>
#include <memory>

#include "engine/error.h"
#include "small_run.h"
#include "train/step/stop.h"

namespace mvmoe {
namespace {

TEST(Share, CoversEachImageOnceInWholeLanes) {
  for (const int images : {1, 5, 16, 17, 31, 128})
    for (const int lane_size : {1, 3, 8})
      for (int ranks = 1; ranks <= 5; ++ranks) {
        int next = 0, fewest = images, most = 0;
        for (int r = 0; r < ranks; ++r) {
          const Share share = share_of(images, lane_size, r, ranks);
          EXPECT_EQ(share.first, next);
          EXPECT_TRUE(share.images == 0 || share.first % lane_size == 0);
          next = share.first + share.images;
          const int lanes = Lanes::count(share.images, lane_size);
          fewest = std::min(fewest, lanes), most = std::max(most, lanes);
        }
        EXPECT_EQ(next, images);
        EXPECT_LE(most - fewest, 1) << images << " images in lanes of " << lane_size << " for " << ranks;
      }
}

LoaderConfig loader_of(int rank, int ranks) {
  LoaderConfig config = small_loader(22);
  config.lane_size = 4, config.rank = rank, config.ranks = ranks, config.repeats = 2;
  config.mixing = {.mixup_alpha = 0.8f, .cutmix_alpha = 1};
  config.label_smoothing = 0.1f;
  return config;
}

TEST(Ranks, SeeTheBatchesThatOneSees) {
  const ImageSet set = small_images(60);
  for (const int ranks : {2, 3, 6}) {
    Loader whole(set, loader_of(0, 1), 1);
    std::vector<std::unique_ptr<Loader>> loaders;
    for (int r = 0; r < ranks; ++r) loaders.push_back(std::make_unique<Loader>(set, loader_of(r, ranks), 1));
    for (int step = 0; step < 4; ++step) {  // over the epoch's end
      const Batch& expected = whole.next();
      int next = 0;
      for (const auto& loader : loaders) {
        const Batch& part = loader->next();
        ASSERT_EQ(part.first, next);
        ASSERT_EQ(part.whole(), 22);
        next += part.size();
        const std::size_t image = part.images.size() / static_cast<std::size_t>(part.size());
        for (std::size_t i = 0; i < part.images.size(); ++i)
          ASSERT_EQ(part.images[i], expected.images[static_cast<std::size_t>(part.first) * image + i]);
        for (int b = 0; b < part.size(); ++b) {
          const auto at = static_cast<std::size_t>(part.first + b);
          ASSERT_EQ(part.labels[static_cast<std::size_t>(b)], expected.labels[at]);
          for (int c = 0; c < 3; ++c) ASSERT_EQ(part.targets.row(b)[c], expected.targets.row(part.first + b)[c]);
          if (!part.partner.empty()) {
            ASSERT_EQ(part.partner[static_cast<std::size_t>(b)] + part.first, expected.partner[at]);
          }
        }
      }
      EXPECT_EQ(next, 22);
    }
  }
}

TEST(Ranks, ABatchOfFewerLanesThanRanksIsRefused) {
  const ImageSet set = small_images(60);
  try {
    Loader loader(set, loader_of(0, 7));
    FAIL() << "nothing was thrown";
  } catch (const UsageError& e) {
    EXPECT_STREQ(e.what(),
                 "--batch-size: 22 images at a time in lanes of 4 are too few for 7 ranks: a smaller --lane-size, a "
                 "larger batch, fewer parts by --accumulate, or at most 6 ranks");
  }
}

// Each rank's trainer sees only its share, and has the gradient of the whole batch's mean as far as it is its share's.
TEST(Ranks, GradientsOfSharesAddUpToTheBatchs) {
  ModelConfig config = small_model();
  config.drop_path = 0.3f;
  const ImageSet set = small_images(60);
  const StepConfig step{.schedule = {.total_steps = 10}, .lanes = {.threads = 1, .lane_size = 4, .gradient_blocks = 3}};
  const auto gradient_of = [&](int rank, int ranks, double& loss) {
    ViT model(config);
    model.initialise(3);
    Trainer trainer(model, step);
    Loader loader(set, loader_of(rank, ranks));
    loss += train_step(trainer, loader.next()).loss;
    return numbers(trainer.gradients.total());
  };
  double expected_loss = 0;
  const std::vector<float> expected = gradient_of(0, 1, expected_loss);
  float largest = 0;
  for (const float g : expected) largest = std::max(largest, std::abs(g));
  ASSERT_GT(largest, 1e-3f);
  for (const int ranks : {2, 3}) {
    double loss = 0;
    std::vector<double> sum(expected.size());
    for (int r = 0; r < ranks; ++r) {
      const std::vector<float> part = gradient_of(r, ranks, loss);
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += part[i];
    }
    EXPECT_NEAR(loss, expected_loss, 1e-6 * expected_loss);
    for (std::size_t i = 0; i < sum.size(); ++i)
      ASSERT_NEAR(sum[i], expected[i], 2e-6f * largest) << "number " << i << " of " << ranks << " ranks";
  }
}

TEST(Stop, CtrlCIsItselfAndAnythingElseIsToBeRunAgain) {
  const auto sum = [](std::initializer_list<int> signals) {
    StopVotes all;
    for (const int signal : signals) all.any += votes_for(signal).any, all.interrupts += votes_for(signal).interrupts;
    return elected(all);
  };
  EXPECT_EQ(sum({0, 0, 0}), 0);
  EXPECT_EQ(sum({0, SIGINT, 0}), SIGINT);
  EXPECT_EQ(sum({SIGINT, SIGINT}), SIGINT);
  EXPECT_EQ(sum({0, SIGUSR1}), SIGTERM);
  EXPECT_EQ(sum({SIGINT, SIGUSR1}), SIGTERM);
}

}  // namespace
}  // namespace mvmoe
