#include <cmath>
#include <limits>

#include "engine/random.h"
#include "tests/engine/helpers.h"
#include "train/data/dataset.h"

namespace mvmoe {
namespace {

// Class c has 20 * (c + 1) images, in a mixed order.
std::vector<int> mixed_labels(int classes) {
  std::vector<int> labels;
  for (int c = 0; c < classes; ++c) labels.insert(labels.end(), static_cast<std::size_t>(20 * (c + 1)), c);
  Random random(8, Place::test);
  for (std::size_t i = labels.size(); i-- > 1;)
    std::swap(labels[i], labels[random.below(static_cast<std::uint32_t>(i) + 1)]);
  return labels;
}

std::vector<int> held_of_class(const std::vector<int>& labels, const std::vector<bool>& held, int classes) {
  std::vector<int> count(static_cast<std::size_t>(classes));
  for (std::size_t i = 0; i < labels.size(); ++i) count[static_cast<std::size_t>(labels[i])] += held[i];
  return count;
}

TEST(Holdout, TakesTheSameShareOfEachClass) {
  const std::vector<int> labels = mixed_labels(5);
  EXPECT_EQ(held_of_class(labels, choose_holdout(labels, 5, 0.1f, 1), 5), (std::vector<int>{2, 4, 6, 8, 10}));
  EXPECT_EQ(held_of_class(labels, choose_holdout(labels, 5, 0.5f, 1), 5), (std::vector<int>{10, 20, 30, 40, 50}));
  EXPECT_EQ(held_of_class(labels, choose_holdout(labels, 5, 0, 1), 5), (std::vector<int>{0, 0, 0, 0, 0}));
}

TEST(Holdout, OneImageOfAClassStays) {
  const std::vector<int> labels{0, 1, 1, 2, 2, 2, 2};
  EXPECT_EQ(held_of_class(labels, choose_holdout(labels, 4, 0.99f, 3), 4), (std::vector<int>{0, 1, 3, 0}));
}

TEST(Holdout, FollowsTheSeed) {
  const std::vector<int> labels = mixed_labels(5);
  EXPECT_EQ(choose_holdout(labels, 5, 0.3f, 7), choose_holdout(labels, 5, 0.3f, 7));
  EXPECT_NE(choose_holdout(labels, 5, 0.3f, 7), choose_holdout(labels, 5, 0.3f, 8));
}

// Each image is as likely to be held out as any other of its class.
TEST(Holdout, DrawsWithoutPreference) {
  const std::vector<int> labels(10, 0);
  std::vector<int> count(10);
  for (std::uint64_t seed = 0; seed < 5000; ++seed) {
    const std::vector<bool> held = choose_holdout(labels, 1, 0.3f, seed);
    for (std::size_t i = 0; i < 10; ++i) count[i] += held[i];
  }
  for (const int c : count) EXPECT_NEAR(c, 1500, 6 * std::sqrt(5000 * 0.3 * 0.7));
}

TEST(Holdout, RefusesWhatIsNoShare) {
  const std::vector<int> labels{0, 1};
  const auto message = [&](float share) {
    return message_of<UsageError>([&] { choose_holdout(labels, 2, share, 0); });
  };
  EXPECT_EQ(message(1), "--holdout: 1, must be at least 0 and below 1");
  EXPECT_EQ(message(-0.1f), "--holdout: -0.1, must be at least 0 and below 1");
  EXPECT_EQ(message(std::numeric_limits<float>::quiet_NaN()), "--holdout: nan, must be at least 0 and below 1");
  EXPECT_EQ(message_of([&] { choose_holdout(labels, 1, 0.1f, 0); }),
            "holdout: label 1 of image 1 is not one of 1 classes");
}

TEST(Holdout, PartsAreTheWholeInOrder) {
  ImageSet set{.channels = 1, .side = 2, .pixels = {}, .labels = {4, 3, 2, 1, 0}};
  for (int i = 0; i < 20; ++i) set.pixels.push_back(static_cast<std::uint8_t>(i));
  const std::vector<bool> held{false, true, false, false, true};
  const ImageSet out = part_of(set, held, true), in = part_of(set, held, false);
  EXPECT_EQ(out.labels, (std::vector<int>{3, 0}));
  EXPECT_EQ(out.pixels, (std::vector<std::uint8_t>{4, 5, 6, 7, 16, 17, 18, 19}));
  EXPECT_EQ(in.labels, (std::vector<int>{4, 2, 1}));
  EXPECT_EQ(in.pixels, (std::vector<std::uint8_t>{0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15}));
  EXPECT_EQ(in.side, 2);
  EXPECT_EQ(in.channels, 1);
  EXPECT_EQ(message_of([&] { part_of(set, {true}, true); }), "holdout: 1 flags for 5 images");
}

}  // namespace
}  // namespace mvmoe
