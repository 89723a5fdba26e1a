// The patch embedding. Wrong but plausible, and what shows it: patches column by column, or a patch's pixels in another
// order than the weight's (the table: P > 1, several patches); channels last (three channels); a stride of P where S
// belongs (S != P); the bias's gradient from one image only (several images); = for += (gradients pre-filled).
#include "ops/patch_embed.h"

#include "tests/ops/op_test.h"

namespace mvmoe {
namespace {

class PatchEmbedTest : public OpTest {};
INSTANTIATE_TEST_SUITE_P(Table, PatchEmbedTest, testing::ValuesIn(gradcheck::cases_of("patch_embed")), case_name);
TEST_P(PatchEmbedTest, ForwardAndGradientsMatchTheDefinition) { expect_matches_the_definition(); }
TEST_P(PatchEmbedTest, EachGradientAlone) { expect_each_gradient_alone(); }

TEST(PatchEmbed, AgreesWithPyTorch) {
  expect_agrees_with_pytorch("patch_embed", {"weight", "bias"}, {"images"}, [](Context& c, const std::vector<Var>& in) {
    return patch_embed(c, in[0], in[1], in[2]);
  });
}

TEST(PatchEmbed, ErrorsNameTheShapes) {
  Bench b;
  const auto message = [&](Shape images, Shape weight, Shape bias) {
    return message_of([&] { patch_embed(b.c, b.constant(images), b.constant(weight), b.constant(bias)); });
  };
  EXPECT_EQ(message({2, 3, 8, 6}, {5, 3, 2, 2}, {5}), "patch_embed: images is [2, 3, 8, 6], must be [b, 3, S, S]");
  EXPECT_EQ(message({3, 8, 8}, {5, 3, 2, 2}, {5}), "patch_embed: images is [3, 8, 8], must be [b, 3, S, S]");
  EXPECT_EQ(message({2, 3, 8, 8}, {5, 1, 2, 2}, {5}),
            "patch_embed: weight is [5, 1, 2, 2], images is [2, 3, 8, 8]: weight must be [D, 3, P, P]");
  EXPECT_EQ(message({2, 3, 8, 8}, {5, 3, 2, 4}, {5}),
            "patch_embed: weight is [5, 3, 2, 4], images is [2, 3, 8, 8]: weight must be [D, 3, P, P]");
  EXPECT_EQ(message({2, 3, 8, 8}, {5, 3, 3, 3}, {5}),
            "patch_embed: the image side 8 is not divided by the patch side 3");
  EXPECT_EQ(message({2, 3, 8, 8}, {5, 3, 2, 2}, {4}),
            "patch_embed: bias is [4], weight is [5, 3, 2, 2]: bias must be [5]");
}

TEST(PatchEmbed, AWantedGradientOfTheImagesIsRefused) {
  Bench b;
  EXPECT_EQ(message_of([&] {
              patch_embed(b.c, b.leaf({2, 3, 4, 4}), b.leaf({5, 3, 2, 2}), b.leaf({5}));
            }),
            "patch_embed: has no gradient in the images, but one is wanted");
}

}  // namespace
}  // namespace mvmoe
