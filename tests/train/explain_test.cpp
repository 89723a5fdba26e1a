// A heat map beside an image. Wrong but plausible, and what shows it: rows taken for columns, a map of the patches'
// corners instead of their centres, an image that was not enlarged, a scale that begins at 0, colours in another order;
// of several images, one's map on another.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/random.h"
#include "tests/engine/helpers.h"
#include "train/evaluate/explain.h"
#include "train/evaluate/predict.h"
#include "train/files/load_model.h"
#include "train/files/weights.h"

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

Image one_colour(int side, std::uint8_t value) {
  return {.width = side,
          .height = side,
          .rgb = std::vector<std::uint8_t>(static_cast<std::size_t>(3 * side * side), value)};
}

TEST(Explanation, StandsBesideTheImageEnlargedByAWholeFactor) {
  Image seen = one_colour(4, 100);
  seen.rgb[3 * (3 * 4 + 0) + 1] = 200;  // the green of x = 0, y = 3
  const Explanation made = explanation_of(seen, {0.1f, 0.6f, 0.1f, 0.2f});
  const Image& picture = made.picture;
  ASSERT_EQ(picture.width, 224 + 8 + 224);
  ASSERT_EQ(picture.height, 224);
  ASSERT_EQ(picture.rgb.size(), 456u * 224 * 3);
  const Colour level{100, 100, 100}, green{100, 200, 100}, white{255, 255, 255};
  EXPECT_EQ(at(picture, 0, 0), level);
  EXPECT_EQ(at(picture, 223, 0), level) << "no map on the image itself";
  EXPECT_EQ(at(picture, 55, 168), green) << "a pixel of the image is 56 of the picture";
  EXPECT_EQ(at(picture, 56, 168), level);
  EXPECT_EQ(at(picture, 55, 167), level);
  EXPECT_EQ(at(picture, 224, 100), white);
  EXPECT_EQ(at(picture, 231, 100), white);
  EXPECT_EQ(at(picture, 232, 0), mixed(level, none)) << "the smallest share";
  EXPECT_EQ(at(picture, 232 + 223, 0), mixed(level, most)) << "the upper right patch";
  EXPECT_EQ(at(picture, 232 + 168, 55), mixed(level, most)) << "the largest from the patch's centre outwards";
  EXPECT_EQ(at(picture, 232 + 55, 168), mixed({159, 159, 159}, none)) << "0.587 of the green is grey";
  EXPECT_FLOAT_EQ(made.least, 0.4f);
  EXPECT_FLOAT_EQ(made.most, 2.4f);
}

TEST(Explanation, IsInterpolatedBetweenTheCentresOfPatches) {
  // Centres of 5 patches on 225 pixels stand at 22, 67, 112, ..; 15 pixels
  // of 45 are a third of the way to the next.
  std::vector<float> shares(25, 0.5f);
  shares[5 * 1 + 2] = 0.875f;
  shares[5 * 1 + 3] = 1;
  const Image picture = explanation_of(one_colour(225, 0), shares).picture;
  ASSERT_EQ(picture.width, 225 + 8 + 225);
  const Colour black{0, 0, 0};
  const auto map = [&](int x, int y) { return at(picture, 233 + x, y); };
  EXPECT_EQ(map(157, 67), mixed(black, most));
  EXPECT_EQ(map(112, 67), mixed(black, {249, 140, 10}));  // 6/8 of the way from the smallest to the largest
  EXPECT_EQ(map(82, 67), mixed(black, {86, 16, 110}));    // a third of 6/8 is 2/8
  EXPECT_EQ(map(112, 97), mixed(black, {86, 16, 110}));
  EXPECT_EQ(map(112, 22), mixed(black, none));
}

TEST(Explanation, OfEqualSharesIsTheSameEverywhere) {
  for (const float share : {0.1f, 0.0f}) {
    const Explanation made = explanation_of(one_colour(300, 50), std::vector<float>(9, share));
    ASSERT_EQ(made.picture.height, 300) << "large enough as it is";
    for (int i = 0; i < 300; i += 23) EXPECT_EQ(at(made.picture, 308 + i, 299 - i), mixed({50, 50, 50}, none));
    EXPECT_FLOAT_EQ(made.least, share > 0 ? 1 : 0) << "nothing is no division by 0";
    EXPECT_FLOAT_EQ(made.most, share > 0 ? 1 : 0);
  }
}

TEST(Explanation, OfWhatIsNoSquare) {
  const Image seen{.width = 4, .height = 3, .rgb = std::vector<std::uint8_t>(36)};
  EXPECT_EQ(message_of([&] { explanation_of(seen, {1}); }),
            "explanation_of: 1 shares for an image of 4 x 3 pixels: both must be squares");
  EXPECT_EQ(message_of([&] {
              explanation_of(one_colour(4, 0), {1, 2, 3});
            }),
            "explanation_of: 3 shares for an image of 4 x 4 pixels: both must be squares");
}

// The largest difference of two pictures' bytes. With the images beside it, a product's last bits change: that may be a
// level.
int difference(const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b) {
  if (a.size() != b.size()) return 256;
  int largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

// However images are routed and pooled, whether or not experts stay in their file, and beside whichever images: the
// picture is the image's own.
TEST(Explanation, IsOfItsOwnImage) {
  TemporaryFolder folder;
  put_file(folder / "damaged.jpg", "no image");
  const std::string photo = "tests/golden/images/colour.jpg", other = "tests/golden/images/grey.png",
                    damaged = (folder / "damaged.jpg").string();
  for (const Pool pool : {Pool::cls, Pool::mean})
    for (const MoeConfig& moe : {MoeConfig{}, MoeConfig{.experts = 3, .layers = 2, .routing = Routing::superclass},
                                 MoeConfig{.experts = 3, .layers = 1, .top_k = 2, .routing = Routing::image},
                                 MoeConfig{.experts = 3, .layers = 2, .top_k = 2, .routing = Routing::token}}) {
      SCOPED_TRACE(text(pool_name(pool), ", ", moe.experts, " experts by ", routing_name(moe.routing)));
      const ModelConfig config{
          .depth = 3, .width = 24, .heads = 2, .patch = 4, .image = 16, .classes = 3, .pool = pool, .moe = moe};
      ViT model(config);
      model.initialise(3);
      Random random(4, Place::test, 0, 0);
      for (const std::string name :
           {"qkv.weight", "pos_embed"})  // at their start values a network looks everywhere alike
        for (std::size_t i = 0; i < model.parameters().list().size(); ++i)
          if (const Parameter& p = model.parameters().list()[i]; p.name.ends_with(name)) {
            const Tensor weights = model.parameters().piece(model.parameters().weights(), static_cast<ParameterId>(i));
            for (std::size_t w = 0; w < weights.size(); ++w) weights[w] = random.normal();
          }
      save_weights(folder / "w", model,
                   {.model = config,
                    .classes = {"a", "b", "c"},
                    .preprocessing = {.mean = {0.4f, 0.5f, 0.6f}, .std = {0.2f, 0.3f, 0.25f}},
                    .superclass_of = {}});
      const auto pictures = [&](ReadExperts experts, const std::vector<std::string>& files, int lane_size) {
        const LoadedModel loaded = load_model(folder / "w", {}, experts);
        Lanes lanes(loaded.model->parameters(), {.threads = 2, .lane_size = lane_size}, Kernels::fast);
        std::vector<std::vector<std::uint8_t>> rgb;
        for (const Prediction& p :
             predict(*loaded.model, files, loaded.description.preprocessing, lanes, nullptr, true))
          rgb.push_back(p.error.empty() ? p.explanation.picture.rgb : std::vector<std::uint8_t>{});
        return rgb;
      };
      const auto one = pictures(ReadExperts::all, {photo}, 1)[0], two = pictures(ReadExperts::all, {other}, 1)[0];
      ASSERT_EQ(one.size(), 456u * 224 * 3);
      EXPECT_GT(difference(one, two), 20);
      EXPECT_EQ(pictures(ReadExperts::when_used, {photo}, 1)[0], one);
      const auto all = pictures(ReadExperts::when_used, {other, damaged, photo, photo}, 4);
      EXPECT_LE(difference(all[0], two), 1);
      EXPECT_TRUE(all[1].empty());
      EXPECT_LE(difference(all[2], one), 1);
      EXPECT_LE(difference(all[3], one), 1);
    }
}

}  // namespace
}  // namespace mvmoe
