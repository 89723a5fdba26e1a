// Each augmentation against Pillow, torchvision and timm on the same image and parameters (tools/golden/augment.py), to
// the byte. Wrong but plausible, and what shows it: a filter that is not widened where the image shrinks, or that looks
// beyond the part that is cut out; one rounding instead of two; rounding where Pillow cuts off; the mean of the colours
// instead of the grey's; a sign or a centre of a rotation; an edge pixel smoothed; a histogram of all channels
// together.
#include <gtest/gtest.h>

#include "tests/ops/op_test.h"
#include "train/augment/color_jitter.h"
#include "train/augment/mixing.h"
#include "train/augment/rand_augment.h"
#include "train/augment/random_erasing.h"
#include "train/augment/random_resized_crop.h"
#include "train/augment/repeated_augment.h"
#include "train/augment/tone.h"

namespace mvmoe {
namespace {

constexpr const char* golden_augment = "tests/golden/augment.safetensors";
const Colour fill{124, 116, 104};

// The short decimal number that the script wrote, as a double again.
double decimal(float x) { return std::round(static_cast<double>(x) * 1000) / 1000; }

class AugmentGolden : public testing::Test {
 protected:
  Tensor read(const std::string& name) { return golden.read(bench, name); }

  Image picture(const std::string& name) {
    const Tensor t = read(name);  // [height, width, 3]
    Image image{.width = t.shape()[1], .height = t.shape()[0], .rgb = {}};
    for (std::size_t i = 0; i < t.size(); ++i) image.rgb.push_back(static_cast<std::uint8_t>(t[i]));
    return image;
  }

  void expect_equal(const Image& is, const std::string& name) {
    const Image must_be = picture(name);
    ASSERT_EQ(is.width, must_be.width) << name;
    ASSERT_EQ(is.height, must_be.height) << name;
    ASSERT_EQ(is.rgb.size(), must_be.rgb.size()) << name;
    int wrong = 0, largest = 0;
    for (std::size_t i = 0; i < is.rgb.size(); ++i) {
      const int error = std::abs(is.rgb[i] - must_be.rgb[i]);
      wrong += error > 0;
      largest = std::max(largest, error);
    }
    EXPECT_EQ(wrong, 0) << name << ": of " << is.rgb.size() << " bytes, the largest error is " << largest;
  }

  // Row i of a table of cases, as whole numbers where it is one.
  static std::vector<int> whole(Tensor cases, int i) { return {cases.row(i), cases.row(i) + cases.width()}; }

  Golden golden{golden_augment};
  Bench bench;
  Image scratch;
};

TEST_F(AugmentGolden, Resize) {
  const Image image = picture("image");
  const Tensor cases = read("resize.cases");
  ASSERT_GE(cases.rows(), 20);
  Image out;
  for (int i = 0; i < cases.rows(); ++i) {
    const std::vector<int> c = whole(cases, i);
    const Interpolation interpolation = c[6] ? Interpolation::bicubic : Interpolation::bilinear;
    resize(image, {c[0], c[1], c[2], c[3]}, c[4], c[5], interpolation, out);
    expect_equal(out, text("resize.", i));
    if (c[2] != image.width || c[3] != image.height) continue;
    Image whole_image;
    resize(image, c[4], c[5], interpolation, whole_image);
    EXPECT_EQ(whole_image.rgb, out.rgb);
  }
}

TEST_F(AugmentGolden, EachOperationAtEachLevel) {
  const Tensor cases = read("operations.cases");
  std::vector<int> seen(augment_kinds);
  for (int i = 0; i < cases.rows(); ++i) {
    const float* c = cases.row(i);
    const auto kind = static_cast<AugmentKind>(c[0]);
    ++seen[static_cast<std::size_t>(c[0])];
    const double argument = argument_at(kind, decimal(c[1]), c[2] != 0, c[3] != 0);
    EXPECT_NEAR(argument, c[5], 1e-6 * std::abs(c[5])) << "operations." << i << ", kind " << c[0];
    Image image = picture("image");
    apply({kind, argument, c[4] != 0 ? Interpolation::bicubic : Interpolation::bilinear}, fill, image, scratch);
    expect_equal(image, text("operations.", i));
  }
  for (int kind = 0; kind < augment_kinds; ++kind) EXPECT_GT(seen[static_cast<std::size_t>(kind)], 0) << kind;
}

TEST_F(AugmentGolden, FewLevelsAndManyWhitePixels) {
  for (const std::string name : {"dull", "bright"}) {
    Image image = picture(name);
    auto_contrast(image);
    expect_equal(image, name + ".AutoContrast");
    image = picture(name);
    equalize(image);
    expect_equal(image, name + ".Equalize");
    image = picture(name);
    invert(image);
    expect_equal(image, name + ".Invert");
    image = picture(name);
    contrast(image, 1.5f);
    expect_equal(image, name + ".Contrast");
  }
}

TEST_F(AugmentGolden, PointsOnTheEdgesOfPixelsAndOfTheImage) {
  const Tensor cases = read("affine.cases");
  for (int i = 0; i < cases.rows(); ++i) {
    const float* c = cases.row(i);
    Image image = picture("image");
    transform(image, {c[0], c[1], c[2], c[3], c[4], c[5]}, c[6] != 0 ? Interpolation::bicubic : Interpolation::bilinear,
              fill, scratch);
    expect_equal(image, text("affine.", i));
  }
}

TEST_F(AugmentGolden, JitterInEachOrder) {
  const Tensor cases = read("jitter.cases");
  ASSERT_EQ(cases.rows(), 6);
  for (int i = 0; i < 6; ++i) {
    const float* c = cases.row(i);
    Image image = picture("image");
    ColorJitter jitter{.brightness = c[3], .contrast = c[4], .saturation = c[5]};
    for (std::size_t k = 0; k < 3; ++k) jitter.order[k] = static_cast<ColorJitter::Part>(c[k]);
    color_jitter(image, jitter);
    expect_equal(image, text("jitter.", i));
  }
}

TEST_F(AugmentGolden, CropSizes) {
  const Tensor cases = read("crop.cases");
  for (int i = 0; i < cases.rows(); ++i) {
    const float* c = cases.row(i);
    const int width = static_cast<int>(c[0]), height = static_cast<int>(c[1]);
    Rectangle r = sized(decimal(c[2]) * width * height, decimal(c[3]));
    if (r.width > width || r.height > height) r = centred(width, height, {});
    EXPECT_EQ((std::vector<int>{r.left, r.top, r.width, r.height}), (std::vector<int>{c + 4, c + 8}))
        << "crop case " << i;
  }
}

TEST_F(AugmentGolden, ErasedSizes) {
  const Tensor cases = read("erase.cases");
  for (int i = 0; i < cases.rows(); ++i) {
    const float* c = cases.row(i);
    const Rectangle r = erased_size(decimal(c[1]), decimal(c[2]), static_cast<int>(c[0]));
    EXPECT_EQ(r.height, static_cast<int>(c[3])) << "erase case " << i;
    EXPECT_EQ(r.width, static_cast<int>(c[4])) << "erase case " << i;
  }
}

TEST_F(AugmentGolden, MixupAndCutmixOfEachLane) {
  const Tensor cases = read("mix.cases"), label_numbers = read("mix.labels");
  const std::vector<int> labels(label_numbers.data(), label_numbers.data() + 6), partner = mixing_partners(6, 4);
  for (int i = 0; i < cases.rows(); ++i) {
    const float* c = cases.row(i);
    Mix mix{.lambda = c[1], .cutmix = c[0] != 0};
    if (mix.cutmix) {
      mix.square = square_at(static_cast<int>(c[2]), static_cast<int>(c[3]), c[1], 9);
      mix.lambda = share_left(mix.square, 9);
      if (mix.square.width > 0 && mix.square.height > 0) {
        EXPECT_EQ(mix.square.left, static_cast<int>(c[5])) << i;
        EXPECT_EQ(mix.square.top, static_cast<int>(c[6])) << i;
      }
      EXPECT_EQ(mix.square.width, static_cast<int>(c[7])) << i;
      EXPECT_EQ(mix.square.height, static_cast<int>(c[8])) << i;
    }
    EXPECT_FLOAT_EQ(mix.lambda, c[4]) << i;
    const Tensor images = read("mix.images"), targets = bench.zeros({6, 5});
    mix_images(mix, partner, images);
    mix_targets(mix.lambda, partner, labels, 0.1f, targets);
    expect_close(images, read(text("mix.", i, ".images")), 1e-7,
                 "images");  // a last bit: torch rounds 1 - lambda later
    expect_close(targets, read(text("mix.", i, ".targets")), 1e-6, "targets");
  }
}

TEST_F(AugmentGolden, RepeatsAreDealtToLanesAsToProcesses) {
  const Tensor lanes = read("repeat.lanes");  // [3, 8]
  std::vector<int> order(24);
  for (int i = 0; i < 24; ++i) order[static_cast<std::size_t>(i)] = i;
  for (int place = 0; place < 24; ++place)
    EXPECT_EQ(repeated(order, 3, static_cast<std::uint64_t>(dealt(place, 24, 8))).image,
              static_cast<int>(lanes[static_cast<std::size_t>(place)]))
        << place;
}

}  // namespace
}  // namespace mvmoe
