// What a report's page is written with: pictures, numbers, ticks. Wrong but plausible, and what shows it: a picture
// whose pixels are shuffled (decoded again), a name cut within an entity, ticks that leave out the largest value.
#include <gtest/gtest.h>

#include <cmath>

#include "tools/report/charts.h"
#include "tools/report/html.h"
#include "tools/report/png.h"
#include "train/data/dataset.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wsign-compare"
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_PNG
#include <stb/stb_image.h>
#pragma GCC diagnostic pop

namespace mvmoe::report {
namespace {

std::vector<std::uint8_t> from_base64(const std::string& text) {
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::vector<std::uint8_t> out;
  unsigned bits = 0;
  int held = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<unsigned>(digits.find(c));
    if ((held += 6) >= 8) out.push_back(static_cast<std::uint8_t>(bits >> (held -= 8)));
  }
  return out;
}

std::vector<std::uint8_t> decoded(const std::string& address, int& width, int& height, int& channels) {
  const std::string start = "data:image/png;base64,";
  EXPECT_TRUE(address.starts_with(start));
  EXPECT_EQ((address.size() - start.size()) % 4, 0u);
  const auto file = from_base64(address.substr(start.size()));
  unsigned char* pixels =
      stbi_load_from_memory(file.data(), static_cast<int>(file.size()), &width, &height, &channels, 0);
  if (!pixels) return {};
  const std::vector<std::uint8_t> out(pixels, pixels + width * height * channels);
  stbi_image_free(pixels);
  return out;
}

TEST(ReportPng, PixelsComeBack) {
  for (const int channels : {1, 3})
    for (const int width : {1, 2, 3, 7}) {
      std::vector<std::uint8_t> pixels;
      for (int i = 0; i < width * 5 * channels; ++i) pixels.push_back(static_cast<std::uint8_t>(i * i * 37 + i));
      int w = 0, h = 0, c = 0;
      EXPECT_EQ(decoded(png_address(pixels, width, 5, channels), w, h, c), pixels);
      EXPECT_EQ((std::vector<int>{w, h, c}), (std::vector<int>{width, 5, channels}));
    }
}

TEST(ReportPng, ThumbnailsAreTheImageOrItsMeans) {
  int w = 0, h = 0, c = 0;
  ImageSet small{.channels = 3, .side = 2, .pixels = std::vector<std::uint8_t>(12), .labels = {0, 0}};
  for (int i = 0; i < 12; ++i) small.pixels.push_back(static_cast<std::uint8_t>(10 + i));  // image 1: planes of 4
  EXPECT_EQ(decoded(thumbnail(small, 1), w, h, c),
            (std::vector<std::uint8_t>{10, 14, 18, 11, 15, 19, 12, 16, 20, 13, 17, 21}));
  ImageSet large{.channels = 1, .side = 128, .pixels = {}, .labels = {0}};
  for (int y = 0; y < 128; ++y)
    for (int x = 0; x < 128; ++x) large.pixels.push_back(static_cast<std::uint8_t>(x + y % 2 * 4));
  const auto pixels = decoded(thumbnail(large, 0), w, h, c);
  ASSERT_EQ(pixels.size(), 64u * 64);
  for (int x = 0; x < 64; ++x)
    EXPECT_EQ(pixels[static_cast<std::size_t>(64 * 40 + x)], (2 * x + 2 * x + 1 + 4 + 1) / 2)
        << x;  // mean 2x + 0.5 + 2, rounded up
}

TEST(ReportNumbers, AreWrittenAsOneReadsThem) {
  EXPECT_EQ(number(42.504, 2), "42.50");
  EXPECT_EQ(number(-0.001, 2), "0.00");
  EXPECT_EQ(signed_number(2.406, 2), "+2.41");
  EXPECT_EQ(signed_number(-2.406, 2),
            "\xE2\x88\x92"
            "2.41");
  EXPECT_EQ(signed_number(-0.001, 2), "0.00");
  EXPECT_EQ(grouped(1234567), "1,234,567");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(abbreviated(999), "999");
  EXPECT_EQ(abbreviated(318'244), "318 k");
  EXPECT_EQ(abbreviated(999'700), "1.00 M");
  EXPECT_EQ(abbreviated(20'660'224), "20.7 M");
  EXPECT_EQ(coordinate(-1.5), "-1.5");
  EXPECT_EQ(coordinate(100), "100");
  EXPECT_EQ(short_name("\xC3\xA9\xC3\xA9\xC3\xA9", 2), "\xC3\xA9\xC3\xA9\xE2\x80\xA6");
  EXPECT_EQ(short_name("<<<", 2), "&lt;&lt;\xE2\x80\xA6") << "cut before it is escaped: an entity is never cut in two";
}

TEST(ReportTicks, AreRoundAndCover) {
  EXPECT_EQ(ticks(0, 1, 5), (std::vector<double>{0, 0.2, 0.4, 0.6000000000000001, 0.8, 1}));
  const std::vector<std::pair<double, double>> ranges{{3, 97}, {0.00001, 0.001}, {-2, 2.3},       {5, 5},
                                                      {0, 0},  {1, 1e6},         {2.1, 2.1000001}};
  for (const auto& [low, high] : ranges) {
    const std::vector<double> t = ticks(low, high, 5);
    EXPECT_LE(t.front(), low + 1e-9);
    EXPECT_GE(t.back(), high - 1e-9 * std::abs(high) - (high - low) * 1e-6);
    EXPECT_GE(t.size(), 2u);
    EXPECT_LE(t.size(), 12u);
  }
}

}  // namespace
}  // namespace mvmoe::report
