#include "engine/parameter.h"

#include <cmath>
#include <cstdint>

#include "tests/engine/helpers.h"

namespace mvmoe {
namespace {

constexpr Init normal{Init::Kind::normal, 0.02f}, uniform{Init::Kind::uniform, 0.3f}, ones{Init::Kind::ones, 0},
    zeros{};

TEST(Block, StartsAtZeroAndMoves) {
  Block a(1000);
  for (std::size_t i = 0; i < 1000; ++i) ASSERT_EQ(a[i], 0);
  a[3] = 5;
  float* memory = a.data();
  Block b(std::move(a));
  EXPECT_EQ(b.data(), memory);
  EXPECT_EQ(a.data(), nullptr);
  Block c(7);
  c = std::move(b);
  EXPECT_EQ(c.data(), memory);
  EXPECT_EQ(c.size(), 1000u);
  EXPECT_EQ(c[3], 5);
  EXPECT_EQ(Block(0).data(), nullptr);
}

TEST(Parameters, PiecesStandApartOnCacheLines) {
  Parameters p;
  const ParameterId a = p.add("a", {3, 5}, ones, true), b = p.add("b", {16}, ones), c = p.add("c", {17}, ones);
  p.allocate();
  p.initialise(0);
  EXPECT_EQ(p.count(), 15u + 16 + 17);
  EXPECT_EQ(p.block_size(), 16u + 16 + 32);
  for (const ParameterId id : {a, b, c}) EXPECT_EQ(reinterpret_cast<std::uintptr_t>(p.value(id).data()) % 64, 0u);
  double sum = 0;
  for (std::size_t i = 0; i < p.block_size(); ++i) sum += p.weights()[i];
  EXPECT_EQ(sum, 48) << "the gaps must stay 0";
  const Block other(p.block_size());
  EXPECT_EQ(p.piece(other, c).data(), other.data() + 32);
  EXPECT_EQ(p.piece(other, a).shape(), (Shape{3, 5}));
}

// Parts of stacks stand at the end, and all else as in the list: what ranks sum has the same places on each.
TEST(Parameters, PartsOfStacksStandAtTheEnd) {
  Parameters p;
  const ParameterId a = p.add("a", {16}, ones), first = p.add("first", {2, 16}, ones, true, 5),
                    b = p.add("b", {17}, ones);
  const ParameterId second = p.add("second", {2, 3}, ones, false, 5), c = p.add("c", {16}, ones);
  p.allocate();
  const auto offsets = [&] {
    std::vector<std::size_t> all;
    for (const ParameterId id : {a, first, second, b, c}) all.push_back(p[id].offset);
    return all;
  };
  EXPECT_EQ(offsets(), (std::vector<std::size_t>{0, 64, 96, 16, 48}));
  EXPECT_EQ(p.parts(), (Range{64, 112}));
  EXPECT_EQ(p.block_size(), 112u);
  EXPECT_EQ(p[first].whole, 5);
  EXPECT_EQ(p.list()[1].name,
            "first");  // in the list they stay where they are, and so do the numbers they are drawn by
  Parameters none;
  none.add("a", {16}, ones);
  none.allocate();
  EXPECT_EQ(none.parts().begin, none.parts().end);
}

TEST(Parameters, AreFoundByName) {
  Parameters p;
  p.add("head.weight", {2, 3}, normal, true);
  p.add("head.bias", {2}, zeros);
  ASSERT_NE(p.find("head.weight"), nullptr);
  EXPECT_TRUE(p.find("head.weight")->decay);
  EXPECT_FALSE(p.find("head.bias")->decay);
  EXPECT_EQ(p.find("head"), nullptr);
  EXPECT_EQ(message_of([&] { p.add("head.bias", {3}, zeros); }), "parameters: head.bias is declared twice");
}

TEST(Parameters, StartAsDeclared) {
  Parameters p;
  const ParameterId z = p.add("z", {50}, zeros), o = p.add("o", {50}, ones), n = p.add("n", {100, 200}, normal),
                    u = p.add("u", {100, 200}, uniform);
  p.allocate();
  p.weights()[0] = 3;
  p.initialise(1);
  for (std::size_t i = 0; i < 50; ++i) {
    EXPECT_EQ(p.value(z)[i], 0);
    EXPECT_EQ(p.value(o)[i], 1);
  }
  double squares_n = 0, squares_u = 0, largest = 0, sum = 0;
  for (std::size_t i = 0; i < 20'000; ++i) {
    squares_n += std::pow(p.value(n)[i], 2);
    squares_u += std::pow(p.value(u)[i], 2);
    sum += p.value(u)[i];
    largest = std::max(largest, std::abs(double{p.value(u)[i]}));
  }
  EXPECT_NEAR(std::sqrt(squares_n / 20'000), 0.02, 0.0005);
  EXPECT_NEAR(std::sqrt(squares_u / 20'000), 0.3 / std::sqrt(3), 0.004);
  EXPECT_NEAR(sum / 20'000, 0, 0.006);
  EXPECT_LE(largest, 0.3);
}

TEST(Parameters, OneMoreChangesNoOther) {
  const auto start = [](bool more, std::uint64_t seed) {
    Parameters p;
    p.add("a", {4, 4}, normal);
    const ParameterId b = p.add("b", {4, 4}, normal);
    if (more) p.add("c", {9}, uniform);
    p.allocate();
    p.initialise(seed);
    EXPECT_NE(p.value(0)[0], p.value(b)[0]);
    return std::vector<float>(p.value(b).data(), p.value(b).data() + 16);
  };
  EXPECT_EQ(start(false, 4), start(true, 4));
  EXPECT_NE(start(false, 4), start(false, 5));
}

}  // namespace
}  // namespace mvmoe
