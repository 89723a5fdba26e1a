// Lanes of inference. Wrong but plausible, and what shows it: a lane that was asked for made smaller (--lane-size), the
// group in which experts are given out cut (experts), a lane of no image where one image has more tokens than a lane
// (384 pixels, patch 8), larger lanes where images are small (17 tokens).
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "models/config.h"
#include "tools/mvmoe/flags.h"
#include "tools/mvmoe/options.h"

namespace mvmoe {
namespace {

int images_a_lane(const std::vector<std::string>& words, int image, int patch, int experts = 0) {
  ThreadOptions threads;
  Flags flags("evaluate", "");
  threads.declare_for_inference(flags);
  EXPECT_TRUE(flags.parse(words));
  ModelConfig config;
  config.image = image, config.patch = patch, config.moe.experts = experts;
  return threads.lanes_for_inference(flags, config).lane_size;
}

TEST(LanesForInference, AreSmallerWhereAnImageHasManyTokens) {
  EXPECT_EQ(images_a_lane({}, 32, 8), 8);
  EXPECT_EQ(images_a_lane({}, 32, 4), 8);
  EXPECT_EQ(images_a_lane({}, 224, 16), 2);
  EXPECT_EQ(images_a_lane({}, 384, 8), 1);
}

TEST(LanesForInference, StayWhereGivenAndWhereThereAreExperts) {
  EXPECT_EQ(images_a_lane({"--lane-size", "8"}, 224, 16), 8);
  EXPECT_EQ(images_a_lane({"--lane-size", "1"}, 32, 8), 1);
  EXPECT_EQ(images_a_lane({}, 224, 16, 4), 8);
}

}  // namespace
}  // namespace mvmoe
