#include "engine/tensor.h"

#include <vector>

#include "tests/engine/helpers.h"

namespace mvmoe {
namespace {

TEST(Shape, CountsElementsAndRows) {
  const Shape s{8, 65, 192};
  EXPECT_EQ(s.axes(), 3);
  EXPECT_EQ(s.size(), 8u * 65 * 192);
  EXPECT_EQ(s.rows(), 8 * 65);
  EXPECT_EQ(s.back(), 192);
  EXPECT_EQ(s.string(), "[8, 65, 192]");
  EXPECT_EQ(Shape{7}.rows(), 1);
  EXPECT_EQ((Shape{3, 0}.size()), 0u);
}

TEST(Shape, WithoutAxesHasNothing) {
  EXPECT_EQ(Shape{}.size(), 0u);
  EXPECT_EQ(Shape{}.rows(), 0);
  EXPECT_EQ(Shape{}.back(), 0);
  EXPECT_EQ(Shape{}.string(), "[]");
}

TEST(Shape, ComparesSizesAndAxes) {
  EXPECT_EQ((Shape{2, 3}), (Shape{2, 3}));
  EXPECT_FALSE((Shape{2, 3}) == (Shape{3, 2}));
  EXPECT_FALSE((Shape{6}) == (Shape{6, 1}));
  EXPECT_FALSE((Shape{0}) == Shape{});
}

TEST(Shape, RefusesFiveAxesAndNegativeOnes) {
  EXPECT_EQ(message_of([] { Shape{1, 2, 3, 4, 5}; }), "shape: 5 axes given, at most 4 are supported");
  EXPECT_EQ(message_of([] { Shape{1, -2}; }), "shape: axis 1 is -2, must not be negative");
}

TEST(Tensor, RowsStandOneBehindTheOther) {
  std::vector<float> memory(24);
  const Tensor t(memory.data(), {2, 3, 4});
  EXPECT_EQ(t.rows(), 6);
  EXPECT_EQ(t.row(5), memory.data() + 20);
  EXPECT_FALSE(t.empty());
  EXPECT_TRUE(Tensor{}.empty());
}

TEST(Tensor, SliceIsAViewOfTheFirstAxis) {
  std::vector<float> memory(24);
  const Tensor t(memory.data(), {4, 3, 2});
  const Tensor slice = t.outer_slice(1, 2);
  EXPECT_EQ(slice.shape(), (Shape{2, 3, 2}));
  EXPECT_EQ(slice.data(), memory.data() + 6);
  slice.fill(7);
  for (std::size_t i = 0; i < 24; ++i) EXPECT_EQ(memory[i], i >= 6 && i < 18 ? 7 : 0) << i;
  EXPECT_EQ(t.outer_slice(4, 0).size(), 0u);
}

TEST(Tensor, RefusesWhatDoesNotFit) {
  std::vector<float> memory(12);
  const Tensor t(memory.data(), {4, 3});
  EXPECT_EQ(message_of([&] { t.outer_slice(3, 2); }), "slice: rows 3 to 5 are not inside [4, 3]");
  EXPECT_EQ(message_of([&] { t.outer_slice(-1, 2); }), "slice: rows -1 to 1 are not inside [4, 3]");
  EXPECT_EQ(message_of([&] {
              t.reshaped({5, 2});
            }),
            "reshape: [4, 3] cannot become [5, 2]: the number of elements differs");
  EXPECT_EQ(message_of([&] { t.copy_from(t.outer_slice(0, 1)); }), "copy: [1, 3] does not fit into [4, 3]");
}

TEST(Tensor, ReshapedSharesAndCopyCopies) {
  std::vector<float> memory{1, 2, 3, 4, 5, 6}, other(6);
  const Tensor t(memory.data(), {2, 3});
  EXPECT_EQ(t.reshaped({3, 2}).data(), memory.data());
  Tensor(other.data(), {6}).copy_from(t);
  EXPECT_EQ(other, memory);
}

}  // namespace
}  // namespace mvmoe
