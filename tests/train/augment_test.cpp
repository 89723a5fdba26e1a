#include <cmath>
#include <map>
#include <vector>

#include "tests/engine/helpers.h"
#include "train/augment/crop.h"
#include "train/augment/flip.h"

namespace mvmoe {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes numbered(int channels, int side) {
  Bytes out(static_cast<std::size_t>(channels * side * side));
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::uint8_t>(i + 1);
  return out;
}

// Each place of each frame against the definition: what lies outside is 0, what lies inside has moved.
TEST(Crop, IsTheFrameCutOut) {
  for (const int channels : {1, 3})
    for (const int side : {1, 2, 5})
      for (int pad = 0; pad < side; ++pad)
        for (int ay = 0; ay <= 2 * pad; ++ay)
          for (int ax = 0; ax <= 2 * pad; ++ax) {
            const Bytes image = numbered(channels, side);
            Bytes out(image.size() + 8, 77);
            crop(image.data(), channels, side, pad, {.x = ax, .y = ay}, out.data());
            for (int c = 0; c < channels; ++c)
              for (int y = 0; y < side; ++y)
                for (int x = 0; x < side; ++x) {
                  const int from_x = x + ax - pad, from_y = y + ay - pad;
                  const bool inside = from_x >= 0 && from_x < side && from_y >= 0 && from_y < side;
                  const int expected =
                      inside ? image[static_cast<std::size_t>((c * side + from_y) * side + from_x)] : 0;
                  ASSERT_EQ(out[static_cast<std::size_t>((c * side + y) * side + x)], expected)
                      << side << " " << ax << " " << ay;
                }
            for (std::size_t i = image.size(); i < out.size(); ++i) ASSERT_EQ(out[i], 77) << "wrote beyond the image";
          }
}

TEST(Crop, EachPlaceIsAsLikely) {
  std::map<std::pair<int, int>, int> count;
  for (std::uint64_t image = 0; image < 25'000; ++image) {
    const CropAt at = choose_crop(3, 1, image, 2);
    ++count[{at.x, at.y}];
  }
  EXPECT_EQ(count.size(), 25u);
  for (const auto& [at, n] : count) {
    EXPECT_TRUE(at.first >= 0 && at.first <= 4 && at.second >= 0 && at.second <= 4);
    EXPECT_NEAR(n, 1000, 6 * std::sqrt(1000));
  }
}

TEST(Crop, FollowsSeedEpochAndImage) {
  const auto at = [](std::uint64_t seed, std::uint64_t epoch) {
    std::vector<int> out;
    for (std::uint64_t image = 0; image < 20; ++image) out.push_back(choose_crop(seed, epoch, image, 4).x);
    return out;
  };
  EXPECT_EQ(at(1, 1), at(1, 1));
  EXPECT_NE(at(1, 1), at(2, 1));
  EXPECT_NE(at(1, 1), at(1, 2));
}

TEST(Flip, MirrorsEachRow) {
  Bytes image = numbered(2, 3);
  flip(image.data(), 2, 3);
  EXPECT_EQ(image, (Bytes{3, 2, 1, 6, 5, 4, 9, 8, 7, 12, 11, 10, 15, 14, 13, 18, 17, 16}));
  flip(image.data(), 2, 3);
  EXPECT_EQ(image, numbered(2, 3));
}

TEST(Flip, HalfOfTheImagesAndOtherOnesInEachEpoch) {
  int flipped = 0, same_in_both = 0;
  for (std::uint64_t image = 0; image < 10'000; ++image) {
    flipped += choose_flip(3, 0, image);
    same_in_both += choose_flip(3, 0, image) == choose_flip(3, 1, image);
    EXPECT_EQ(choose_flip(3, 0, image), choose_flip(3, 0, image));
  }
  EXPECT_NEAR(flipped, 5000, 300);
  EXPECT_NEAR(same_in_both, 5000, 300);
}

}  // namespace
}  // namespace mvmoe
