// A heat map over an image. Wrong but plausible, and what shows it: rows taken for columns, a map of the patches' corners
// instead of their centres, an image that was not enlarged, colours in another order.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/engine/helpers.h"
#include "train/explain.h"

namespace mvmoe {
namespace {

using Colour = std::array<int, 3>;

Colour at(const Image& image, int x, int y) {
  const std::uint8_t* pixel = image.rgb.data() + 3 * (y * image.width + x);
  return {pixel[0], pixel[1], pixel[2]};
}

// 0.4 of the image's colour, 0.6 of the map's.
Colour mixed(const Colour& image, const Colour& map) {
  Colour out;
  for (std::size_t c = 0; c < 3; ++c) out[c] = static_cast<int>(std::lround(0.4 * image[c] + 0.6 * map[c]));
  return out;
}

const Colour none{0, 0, 4}, most{252, 255, 164};

TEST(HeatMap, LiesOnTheImageEnlargedByAWholeFactor) {
  Image seen{.width = 4, .height = 4, .rgb = std::vector<std::uint8_t>(4 * 4 * 3, 100)};
  seen.rgb[3 * (3 * 4 + 0) + 1] = 200;                // the green of x = 0, y = 3
  const Image map = heat_map(seen, {0, 0.5f, 0, 0});  // the upper right patch
  ASSERT_EQ(map.width, 224);
  ASSERT_EQ(map.height, 224);
  ASSERT_EQ(map.rgb.size(), 224u * 224 * 3);
  const Colour grey{100, 100, 100}, green{100, 200, 100};
  EXPECT_EQ(at(map, 0, 0), mixed(grey, none));
  EXPECT_EQ(at(map, 223, 223), mixed(grey, none));
  EXPECT_EQ(at(map, 223, 0), mixed(grey, most));
  EXPECT_EQ(at(map, 168, 55), mixed(grey, most)) << "the largest from the patch's centre outwards";
  EXPECT_EQ(at(map, 55, 168), mixed(green, none)) << "a pixel of the image is 56 of the picture";
  EXPECT_EQ(at(map, 56, 168), mixed(grey, none));
  EXPECT_EQ(at(map, 55, 167), mixed(grey, none));
}

TEST(HeatMap, IsInterpolatedBetweenTheCentresOfPatches) {
  // Centres of 5 patches on 225 pixels stand at 22, 67, 112, ..; 15 pixels
  // of 45 are a third of the way to the next.
  const Image seen{.width = 225, .height = 225, .rgb = std::vector<std::uint8_t>(225 * 225 * 3, 0)};
  std::vector<float> shares(25);
  shares[5 * 1 + 2] = 0.75f;
  shares[5 * 1 + 3] = 1;
  const Image map = heat_map(seen, shares);
  ASSERT_EQ(map.width, 225);
  const Colour black{0, 0, 0};
  EXPECT_EQ(at(map, 157, 67), mixed(black, most));
  EXPECT_EQ(at(map, 112, 67), mixed(black, {249, 140, 10}));  // 6/8
  EXPECT_EQ(at(map, 82, 67), mixed(black, {86, 16, 110}));    // a third of 6/8 is 2/8
  EXPECT_EQ(at(map, 112, 97), mixed(black, {86, 16, 110}));
  EXPECT_EQ(at(map, 112, 22), mixed(black, none));
}

TEST(HeatMap, OfEqualSharesIsTheSameEverywhere) {
  const Image seen{.width = 300, .height = 300, .rgb = std::vector<std::uint8_t>(300 * 300 * 3, 50)};
  const Image map = heat_map(seen, std::vector<float>(9, 0.1f));
  ASSERT_EQ(map.width, 300) << "large enough as it is";
  for (int i = 0; i < 300; i += 23) EXPECT_EQ(at(map, i, 299 - i), mixed({50, 50, 50}, most));
  EXPECT_EQ(at(heat_map(seen, std::vector<float>(9)), 7, 7), mixed({50, 50, 50}, none)) << "nothing is no division by 0";
}

TEST(HeatMap, OfWhatIsNoSquare) {
  const Image seen{.width = 4, .height = 3, .rgb = std::vector<std::uint8_t>(36)};
  EXPECT_EQ(message_of([&] { heat_map(seen, {1}); }), "heat_map: 1 shares for an image of 4 x 3 pixels: both must be squares");
  EXPECT_EQ(message_of([&] { heat_map({.width = 4, .height = 4, .rgb = std::vector<std::uint8_t>(48)}, {1, 2, 3}); }),
            "heat_map: 3 shares for an image of 4 x 4 pixels: both must be squares");
}

}  // namespace
}  // namespace mvmoe
