// An image as the network reads it. Wrong but plausible, and what shows it: an image cropped off its centre, one
// resized before it was cut, rows taken for columns, a colour's mean for another's.
#include <array>

#include "tests/train/image_folder.h"
#include "train/input/preprocess.h"

namespace mvmoe {
namespace {

TEST(Preprocess, TheCentreIsCutOut) {
  const Image same = centre_crop(striped(101, 64), 56, 0.875f, Interpolation::bicubic);  // 56 / 0.875 = 64: not resized
  EXPECT_EQ(same.width, 56);
  EXPECT_EQ(same.rgb[0], 22) << "(101 - 56) / 2 = 22.5, to the even number, as Python rounds";
  EXPECT_EQ(same.rgb[1], 4);
  EXPECT_EQ(same.rgb[3 * (55 * 56 + 55)], 22 + 55);
  const Image whole = centre_crop(striped(40, 80), 40, 1, Interpolation::bicubic);
  EXPECT_EQ(whole.rgb[1], 20);
  const Image smaller = centre_crop(plain(500, 300, 77), 224, 0.875f, Interpolation::bicubic);
  EXPECT_EQ(smaller.rgb, plain(224, 224, 77).rgb);
  const Image short_side = resize_short_side(plain(333, 250, 5), 100, Interpolation::bilinear);
  EXPECT_EQ(short_side.width, 133) << "133.2, rounded down";
  EXPECT_EQ(short_side.height, 100);
  EXPECT_EQ(centre_crop(plain(1, 1, 9), 8, 0.875f, Interpolation::bicubic).rgb, plain(8, 8, 9).rgb);
}

// As a whole it would be 256 x 16,640,000 pixels, and 256 x 2,560,000,000 is more than an int holds.
TEST(Preprocess, TheCentreOfAThinImageTakesLittleMemory) {
  const Image centre = centre_crop(striped(1, 65'000), 224, 0.875f, Interpolation::bicubic);
  EXPECT_EQ(centre.rgb.size(), 3u * 224 * 224);
  EXPECT_EQ(centre.rgb[1], striped(1, 65'000).rgb[3 * 32'499 + 1]);
  EXPECT_EQ(centre.rgb[3 * (223 * 224) + 1], striped(1, 65'000).rgb[3 * 32'500 + 1]);
  EXPECT_EQ(centre_crop(plain(10'000'000, 1, 9), 224, 0.875f, Interpolation::bicubic).rgb, plain(224, 224, 9).rgb);
}

TEST(Preprocess, PixelsBecomePlanes) {
  const std::array<float, 3> mean{0.5f, 0.25f, 0.1f}, std{0.2f, 0.4f, 0.8f};
  const Image image = striped(5, 3);
  std::vector<float> planes(45);
  normalise(image, mean, std, planes.data());
  for (int y = 0; y < 3; ++y)
    for (int x = 0; x < 5; ++x) {
      const std::size_t at = static_cast<std::size_t>(5 * y + x);
      EXPECT_NEAR(planes[at], (static_cast<float>(x) / 255 - 0.5f) / 0.2f, 1e-6);
      EXPECT_NEAR(planes[15 + at], (static_cast<float>(y) / 255 - 0.25f) / 0.4f, 1e-6);
      EXPECT_NEAR(planes[30 + at], -0.1f / 0.8f, 1e-6);
    }
}

}  // namespace
}  // namespace mvmoe
