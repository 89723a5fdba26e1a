// What the augmentations draw: distributions with a fixed seed, and that each follows seed, epoch and image. Wrong but
// plausible, and what shows it: an area or a ratio uniform where its logarithm is, or the other way round (quantiles);
// ranges off by one (extremes); signs or kinds that are not even (chi-square); levels not clipped (moments); two
// choices drawn from one stream (correlation).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "engine/error.h"
#include "train/augment/color_jitter.h"
#include "train/augment/flip.h"
#include "train/augment/rand_augment.h"
#include "train/augment/random_erasing.h"
#include "train/augment/random_resized_crop.h"
#include "train/augment/repeated_augment.h"
#include "train/augment/tone.h"

namespace mvmoe {
namespace {

constexpr int draws = 20'000;

// Ten bins of [0, 1) should hold a tenth each: chi-square of 9 degrees of freedom, above 33 once in ten thousand.
double chi_square_of_tenths(const std::vector<double>& shares) {
  std::vector<double> count(10);
  for (const double share : shares) {
    EXPECT_GE(share, -1e-3);  // whole pixels
    EXPECT_LE(share, 1 + 1e-3);
    ++count[static_cast<std::size_t>(std::clamp(share * 10, 0.0, 9.0))];
  }
  const double expected = static_cast<double>(shares.size()) / 10;
  double sum = 0;
  for (const double n : count) sum += (n - expected) * (n - expected) / expected;
  return sum;
}

double mean(const std::vector<double>& x) {
  return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
}

double correlation(const std::vector<double>& x, const std::vector<double>& y) {
  const double mx = mean(x), my = mean(y);
  double xy = 0, xx = 0, yy = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    xy += (x[i] - mx) * (y[i] - my), xx += (x[i] - mx) * (x[i] - mx), yy += (y[i] - my) * (y[i] - my);
  return xy / std::sqrt(xx * yy);
}

// In an image this wide and high with areas this small nothing is rejected or rounded, so the draws can be seen.
TEST(RandomResizedCrop, AreaIsUniformAndRatioLogUniform) {
  const CropShare share{.least_area = 0.08, .most_area = 0.5};
  std::vector<double> areas, ratios, lefts, tops;
  for (std::uint64_t image = 0; image < draws / 10; ++image) {
    const Rectangle r = choose_random_resized_crop(3, 1, image, 20'000, 20'000, share);
    areas.push_back((static_cast<double>(r.width) * r.height / 4e8 - 0.08) / 0.42);
    ratios.push_back(std::log(static_cast<double>(r.width) / r.height / 0.75) / std::log(16.0 / 9));
    lefts.push_back(static_cast<double>(r.left) / (20'000 - r.width));
    tops.push_back(static_cast<double>(r.top) / (20'000 - r.height));
  }
  for (auto* of : {&areas, &ratios, &lefts, &tops}) EXPECT_LT(chi_square_of_tenths(*of), 33);
  EXPECT_NEAR(correlation(areas, ratios), 0, 0.1);
  EXPECT_NEAR(correlation(lefts, tops), 0, 0.1);
}

TEST(RandomResizedCrop, IsInsideTheImageAndReachesItsEdges) {
  for (const auto& [width, height] : std::vector<std::pair<int, int>>{{1, 1}, {1, 9}, {400, 2}, {7, 5}, {50, 30}}) {
    bool right = false, bottom = false, smaller = false;
    for (std::uint64_t image = 0; image < 500; ++image) {
      const Rectangle r = choose_random_resized_crop(3, 1, image, width, height);
      ASSERT_TRUE(r.left >= 0 && r.top >= 0 && r.width >= 1 && r.height >= 1) << width << "x" << height;
      ASSERT_TRUE(r.left + r.width <= width && r.top + r.height <= height) << width << "x" << height;
      right |= r.left > 0 && r.left + r.width == width;
      bottom |= r.top > 0 && r.top + r.height == height;
      smaller |= r.width < width && r.height < height;
    }
    EXPECT_TRUE(width < 7 || height < 5 || (right && bottom && smaller)) << width << "x" << height;
  }
}

// 900 x 10: no draw fits, so the centre, as wide as 4/3 of the height allows.
TEST(RandomResizedCrop, FallsBackToTheCentre) {
  const CropShare whole{.least_area = 1, .most_area = 1};
  const Rectangle r = choose_random_resized_crop(3, 1, 0, 900, 10, whole);
  EXPECT_EQ(r.width, 13);
  EXPECT_EQ(r.height, 10);
  EXPECT_EQ(r.left, 443);
  EXPECT_EQ(r.top, 0);
}

TEST(ColorJitter, FactorsAreUniformAndOrdersEven) {
  std::vector<double> brightness, contrast, saturation;
  std::vector<int> orders(27);
  for (std::uint64_t image = 0; image < draws; ++image) {
    const ColorJitter j = choose_color_jitter(3, 1, image, 0.4f);
    brightness.push_back((j.brightness - 0.6) / 0.8), contrast.push_back((j.contrast - 0.6) / 0.8),
        saturation.push_back((j.saturation - 0.6) / 0.8);
    ++orders[static_cast<std::size_t>(static_cast<int>(j.order[0]) * 9 + static_cast<int>(j.order[1]) * 3 +
                                      static_cast<int>(j.order[2]))];
  }
  for (auto* of : {&brightness, &contrast, &saturation}) EXPECT_LT(chi_square_of_tenths(*of), 33);
  EXPECT_NEAR(correlation(brightness, contrast), 0, 0.04);
  EXPECT_NEAR(correlation(contrast, saturation), 0, 0.04);
  EXPECT_EQ(std::count(orders.begin(), orders.end(), 0), 21);  // six of the 27 are orders
  std::erase(orders, 0);
  for (const int n : orders) EXPECT_NEAR(n, draws / 6.0, 6 * std::sqrt(draws / 6.0));
}

TEST(ColorJitter, NoFactorIsBelowZero) {
  float least = 1;
  for (std::uint64_t image = 0; image < 1000; ++image)
    least = std::min(least, choose_color_jitter(3, 1, image, 2).contrast);
  EXPECT_GE(least, 0);
  EXPECT_LT(least, 0.05f);
}

TEST(RandAugment, KindsAreEvenAndHalfAreDone) {
  const RandAugmentConfig config = parse_rand_augment("rand-m9-mstd0.5-inc1");
  std::vector<int> kinds(augment_kinds), done(3), negative(augment_kinds);
  for (std::uint64_t image = 0; image < draws; ++image) {
    const auto operations = choose_rand_augment(3, 1, image, config);
    ++done[operations.size()];
    for (const AugmentOperation& o : operations) {
      ++kinds[static_cast<std::size_t>(o.kind)];
      negative[static_cast<std::size_t>(o.kind)] += o.argument < 0;
      EXPECT_EQ(o.interpolation, Interpolation::bicubic);
    }
  }
  EXPECT_NEAR(done[0], draws / 4, 6 * std::sqrt(draws / 4));
  EXPECT_NEAR(done[2], draws / 4, 6 * std::sqrt(draws / 4));
  double chi_square = 0;  // of 14 degrees of freedom: above 42 once in ten thousand
  for (const int n : kinds) chi_square += std::pow(n - draws / 15.0, 2) / (draws / 15.0);
  EXPECT_LT(chi_square, 42);
  for (const AugmentKind kind : {AugmentKind::rotate, AugmentKind::shear_x, AugmentKind::shear_y,
                                 AugmentKind::translate_x, AugmentKind::translate_y}) {
    const int n = kinds[static_cast<std::size_t>(kind)];
    EXPECT_NEAR(negative[static_cast<std::size_t>(kind)], n / 2.0, 5 * std::sqrt(n / 4.0));
  }
}

// Rotation's degrees are 3 L: L normal around 9, cut off at 10 (2.3 % of it).
TEST(RandAugment, LevelsAreNormalAndClipped) {
  RandAugmentConfig config = parse_rand_augment("rand-m9-mstd0.5-n1-p1");
  std::vector<double> levels;
  for (std::uint64_t image = 0; image < 10 * draws; ++image) {
    const AugmentOperation o = choose_rand_augment(3, 1, image, config).at(0);
    if (o.kind == AugmentKind::rotate) levels.push_back(std::abs(o.argument) / 3);
  }
  const auto n = static_cast<double>(levels.size());
  const auto share = [&](auto test) {
    return static_cast<double>(std::count_if(levels.begin(), levels.end(), test)) / n;
  };
  EXPECT_NEAR(mean(levels), 9 - 0.5 * 0.0084907, 4 * 0.5 / std::sqrt(n));  // E[(z - 2)+] of a normal z
  EXPECT_NEAR(share([](double l) { return l < 8.5; }), 0.158655, 5 * std::sqrt(0.16 * 0.84 / n));
  EXPECT_NEAR(share([](double l) { return l < 9; }), 0.5, 5 * std::sqrt(0.25 / n));
  EXPECT_NEAR(share([](double l) { return l > 10 - 1e-9; }), 0.0227501, 5 * std::sqrt(0.023 / n));
  EXPECT_LE(*std::max_element(levels.begin(), levels.end()), 10 + 1e-9);

  config = parse_rand_augment("rand-m8-mstd101-n1-p1");  // infinite: uniform below m
  levels.clear();
  for (std::uint64_t image = 0; image < draws; ++image) {
    const AugmentOperation o = choose_rand_augment(3, 1, image, config).at(0);
    if (o.kind == AugmentKind::rotate) levels.push_back(std::abs(o.argument) / 24);
  }
  EXPECT_LT(chi_square_of_tenths(levels), 33);
}

TEST(RandAugment, InterpolationIsRandomOnlyWhereAsked) {
  RandAugmentConfig config = parse_rand_augment("rand-p1");
  config.random_interpolation = true;
  int bilinear = 0;
  for (std::uint64_t image = 0; image < 5000; ++image)
    for (const AugmentOperation& o : choose_rand_augment(3, 1, image, config))
      bilinear += o.interpolation == Interpolation::bilinear;
  EXPECT_NEAR(bilinear, 5000, 300);
}

TEST(RandAugment, SpecsAreReadAsTimmReadsThem) {
  const RandAugmentConfig deit = parse_rand_augment("rand-m9-mstd0.5-inc1");
  EXPECT_EQ(deit.operations, 2);
  EXPECT_EQ(deit.magnitude, 9);
  EXPECT_EQ(deit.deviation, 0.5);
  EXPECT_EQ(deit.probability, 0.5);
  EXPECT_TRUE(deit.increasing);
  const RandAugmentConfig other = parse_rand_augment("rand-inc0-p0.25-n3-m7.5-mstd101");
  EXPECT_EQ(other.operations, 3);
  EXPECT_EQ(other.magnitude, 7.5);
  EXPECT_EQ(other.probability, 0.25);
  EXPECT_TRUE(std::isinf(other.deviation));
  EXPECT_FALSE(other.increasing);
  EXPECT_EQ(parse_rand_augment("rand").magnitude, 10);
}

TEST(RandAugment, WrongSpecsSayWhatWouldBeRight) {
  const auto message = [](const std::string& spec) {
    try {
      parse_rand_augment(spec);
    } catch (const UsageError& e) {
      return std::string(e.what());
    }
    return "accepted: " + spec;
  };
  EXPECT_EQ(message("augmix-m3"), "--rand-augment: augmix-m3, must be like rand-m9-mstd0.5-inc1");
  EXPECT_EQ(message(""), "--rand-augment: , must be like rand-m9-mstd0.5-inc1");
  EXPECT_EQ(message("rand-"), "--rand-augment: rand-, must be like rand-m9-mstd0.5-inc1");
  EXPECT_EQ(message("rand-m9-"), "--rand-augment: rand-m9-, must be like rand-m9-mstd0.5-inc1");
  EXPECT_EQ(message("rand-m11"), "--rand-augment: rand-m11: m is 11, must be from 0 to 10");
  EXPECT_EQ(message("rand-n2.5"), "--rand-augment: rand-n2.5: n is 2.5, must be a whole number from 1 to 100");
  EXPECT_EQ(message("rand-p2"), "--rand-augment: rand-p2: p is 2, must be from 0 to 1");
  EXPECT_EQ(message("rand-inc2"), "--rand-augment: rand-inc2: inc is 2, must be a whole number from 0 to 1");
  EXPECT_EQ(message("rand-mmax5"), "--rand-augment: rand-mmax5: mmax is unknown, must be m, n, p, mstd or inc");
  EXPECT_EQ(message("rand-9"), "--rand-augment: rand-9: 9 is no key with a number, must be like m9");
  EXPECT_EQ(message("rand-m9x"), "--rand-augment: rand-m9x: m9x is no key with a number, must be like m9");
  EXPECT_EQ(message("rand--m9"), "--rand-augment: rand--m9:  is no key with a number, must be like m9");
}

TEST(RandAugment, FillIsTheMeanColour) {
  EXPECT_EQ(fill_of({0.485f, 0.456f, 0.406f}), (Colour{124, 116, 104}));
  EXPECT_EQ(fill_of({0.5f, 0, 1}), (Colour{128, 0, 255}));
}

// timm ends with an error where Pillow refuses 0 bits; here that is what it was: black.
TEST(RandAugment, PosterizeAtTheHighestLevelIsBlack) {
  EXPECT_EQ(argument_at(AugmentKind::posterize, 10, false, true), 0);
  Image image{.width = 1, .height = 1, .rgb = {255, 128, 7}};
  posterize(image, 0);
  EXPECT_EQ(image.rgb, (std::vector<std::uint8_t>{0, 0, 0}));
}

TEST(RandomErasing, AQuarterOfTheImagesUniformInAreaLogUniformInRatio) {
  constexpr int side = 20'000;
  std::vector<double> areas, ratios, lefts, tops;
  for (std::uint64_t image = 0; image < draws; ++image) {
    const auto r = choose_random_erasing(3, 1, image, side);
    if (!r) continue;
    ASSERT_TRUE(r->left >= 0 && r->top >= 0 && r->left + r->width <= side && r->top + r->height <= side);
    areas.push_back((static_cast<double>(r->width) * r->height / side / side - 0.02) / (1.0 / 3 - 0.02));
    ratios.push_back((std::log(static_cast<double>(r->height) / r->width) / std::log(1 / 0.3) + 1) / 2);
    lefts.push_back(static_cast<double>(r->left) / (side - r->width));
    tops.push_back(static_cast<double>(r->top) / (side - r->height));
  }
  EXPECT_NEAR(static_cast<double>(areas.size()), draws / 4.0, 5 * std::sqrt(draws * 3 / 16.0));
  // At ratios near 1/0.3 areas above 0.3 are too long and drawn again: a few per cent of the two outermost tenths.
  for (auto* of : {&lefts, &tops}) EXPECT_LT(chi_square_of_tenths(*of), 33);
  EXPECT_LT(chi_square_of_tenths(areas), 45);
  EXPECT_LT(chi_square_of_tenths(ratios), 45);
  EXPECT_NEAR(mean(ratios), 0.5, 0.02);
}

TEST(RandomErasing, NeverAWholeRowOrColumn) {
  int longest = 0;
  for (std::uint64_t image = 0; image < 2000; ++image) {
    const Rectangle r = choose_random_erasing(3, 1, image, 12, 1).value_or(Rectangle{});
    longest = std::max({longest, r.width, r.height});
  }
  EXPECT_EQ(longest, 11);
}

TEST(RandomErasing, NoiseInsideNothingOutside) {
  constexpr int side = 60;
  std::vector<float> image(3 * side * side, 7);
  const Rectangle r{.left = 10, .top = 20, .width = 50, .height = 40};
  erase(image.data(), side, r, erasing_noise(3, 1, 5));
  double sum = 0, squares = 0, fourth = 0, beside = 0, across = 0;
  for (int c = 0; c < 3; ++c)
    for (int y = 0; y < side; ++y)
      for (int x = 0; x < side; ++x) {
        const float v = image[static_cast<std::size_t>((c * side + y) * side + x)];
        if (!(x >= 10 && y >= 20)) {
          ASSERT_EQ(v, 7);
          continue;
        }
        ASSERT_NE(v, 7);
        sum += v, squares += v * v, fourth += std::pow(v, 4);
        if (x > 10) beside += v * image[static_cast<std::size_t>((c * side + y) * side + x - 1)];
        if (c > 0) across += v * image[static_cast<std::size_t>(((c - 1) * side + y) * side + x)];
      }
  constexpr double n = 3 * 50 * 40;
  EXPECT_NEAR(sum / n, 0, 5 / std::sqrt(n));
  EXPECT_NEAR(squares / n, 1, 5 * std::sqrt(2 / n));
  EXPECT_NEAR(fourth / n, 3, 5 * std::sqrt(96 / n));
  EXPECT_NEAR(beside / n, 0, 5 / std::sqrt(n));  // no pixel is its neighbour, no channel the other
  EXPECT_NEAR(across / n, 0, 5 / std::sqrt(n));
}

TEST(Augmentations, FollowSeedEpochAndImage) {
  const RandAugmentConfig config = parse_rand_augment("rand-m9-mstd0.5-inc1");
  const auto choices = [&](std::uint64_t seed, std::uint64_t epoch, std::uint64_t first) {
    std::vector<double> out;
    for (std::uint64_t image = first; image < first + 20; ++image) {
      const Rectangle r = choose_random_resized_crop(seed, epoch, image, 500, 375);
      out.insert(out.end(), {static_cast<double>(r.left), static_cast<double>(r.width),
                             choose_color_jitter(seed, epoch, image, 0.4f).brightness});
      for (const AugmentOperation& o : choose_rand_augment(seed, epoch, image, config)) out.push_back(o.argument);
      out.push_back(erasing_noise(seed, epoch, image).normal());
      out.push_back(choose_random_erasing(seed, epoch, image, 224).value_or(Rectangle{}).left);
    }
    return out;
  };
  EXPECT_EQ(choices(1, 1, 0), choices(1, 1, 0));
  EXPECT_NE(choices(1, 1, 0), choices(2, 1, 0));
  EXPECT_NE(choices(1, 1, 0), choices(1, 2, 0));
  EXPECT_NE(choices(1, 1, 0), choices(1, 1, 20));
}

TEST(RepeatedAugment, EachImageStandsSoOftenInTheListAndIsAugmentedOtherwiseEachTime) {
  const std::vector<int> order{4, 2, 0, 3, 1};
  std::set<std::uint64_t> keys;
  for (std::uint64_t i = 0; i < 15; ++i) {
    const Repeat r = repeated(order, 3, i);
    EXPECT_EQ(r.image, order[i / 3]);
    keys.insert(r.key);
  }
  EXPECT_EQ(keys.size(), 15u);
  for (std::uint64_t i = 0; i < 5; ++i) EXPECT_EQ(repeated(order, 1, i).key, static_cast<std::uint64_t>(order[i]));
  EXPECT_THROW(repeated(order, 3, 15), Error);
}

TEST(RepeatedAugment, NoLaneHasAnImageTwice) {
  for (const auto& [batch, lane] :
       std::vector<std::pair<int, int>>{{128, 8}, {29, 4}, {32, 8}, {33, 8}, {7, 8}, {1, 8}, {12, 1}}) {
    std::vector<int> items;
    for (int place = 0; place < batch; ++place) items.push_back(dealt(place, batch, lane));
    const int lanes = (batch + lane - 1) / lane;
    if (lanes > 3)
      for (int first = 0; first < batch; first += lane) {
        std::set<int> images;
        for (int i = first; i < std::min(batch, first + lane); ++i)
          EXPECT_TRUE(images.insert(items[static_cast<std::size_t>(i)] / 3).second) << batch << " " << lane;
      }
    std::sort(items.begin(), items.end());
    for (int i = 0; i < batch; ++i)
      EXPECT_EQ(items[static_cast<std::size_t>(i)], i) << batch << " in lanes of " << lane;
  }
}

TEST(FlipImage, MirrorsWholePixels) {
  Image image{.width = 3, .height = 2, .rgb = {1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19}};
  flip(image);
  EXPECT_EQ(image.rgb, (std::vector<std::uint8_t>{7, 8, 9, 4, 5, 6, 1, 2, 3, 17, 18, 19, 14, 15, 16, 11, 12, 13}));
}

TEST(Resize, WrongSizesAndPartsAreErrors) {
  const Image image{.width = 4, .height = 3, .rgb = std::vector<std::uint8_t>(36)};
  Image out;
  EXPECT_THROW(resize(image, 0, 5, Interpolation::bicubic, out), Error);
  EXPECT_THROW(resize(image, {2, 0, 3, 3}, 5, 5, Interpolation::bicubic, out), Error);
  EXPECT_THROW(resize(image, {0, 1, 4, 3}, 5, 5, Interpolation::bicubic, out), Error);
  EXPECT_THROW(resize(image, {-1, 0, 2, 2}, 5, 5, Interpolation::bicubic, out), Error);
  EXPECT_THROW(resize(Image{}, 5, 5, Interpolation::bicubic, out), Error);
}

}  // namespace
}  // namespace mvmoe
