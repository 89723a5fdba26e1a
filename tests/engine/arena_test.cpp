#include "engine/arena.h"

#include <cstdint>
#include <vector>

#include "engine/random.h"
#include "tests/engine/helpers.h"

namespace mvmoe {
namespace {

// The same sizes in the same order each time, as a step takes them: from nothing to more than a chunk.
std::vector<std::size_t> sizes_of_a_step() {
  Random random(1, Place::test);
  std::vector<std::size_t> out{0, 1, 63, 64, 65, 20u << 20};
  for (int i = 0; i < 300; ++i) out.push_back(random.below(200'000));
  return out;
}

TEST(Arena, BlocksDoNotOverlapAndAreAligned) {
  Arena arena;
  const std::vector<std::size_t> sizes = sizes_of_a_step();
  for (int round = 0; round < 3; ++round) {
    arena.reset();
    std::vector<std::uint8_t*> blocks;
    for (const std::size_t size : sizes) {
      auto* block = static_cast<std::uint8_t*>(arena.take_bytes(size));
      ASSERT_EQ(reinterpret_cast<std::uintptr_t>(block) % 64, 0u);
      std::fill_n(block, size, static_cast<std::uint8_t>(blocks.size() * 7 + 1));
      blocks.push_back(block);
    }
    for (std::size_t i = 0; i < blocks.size(); ++i)
      for (std::size_t j = 0; j < sizes[i]; ++j)
        ASSERT_EQ(blocks[i][j], static_cast<std::uint8_t>(i * 7 + 1)) << i << " " << j;
  }
}

TEST(Arena, WhatWasTakenSinceAMarkIsFreeAgainAndNothingElse) {
  Arena arena;
  for (const std::size_t size : sizes_of_a_step()) {
    auto* kept = static_cast<std::uint8_t*>(arena.take_bytes(size));
    std::fill_n(kept, size, 1);
    const Arena::Mark mark = arena.mark();
    void* first = arena.take_bytes(100);
    arena.take_bytes(9u << 20);  // more than a chunk: the mark is in one before
    arena.reset(mark);
    auto* again = static_cast<std::uint8_t*>(arena.take_bytes(100));
    ASSERT_EQ(again, first);
    std::fill_n(again, 100, 2);
    for (std::size_t j = 0; j < size; ++j) ASSERT_EQ(kept[j], 1);
  }
}

TEST(Arena, GivesTheSameMemoryAfterResetAndDoesNotGrow) {
  Arena arena;
  const std::vector<std::size_t> sizes = sizes_of_a_step();
  std::vector<void*> first;
  for (const std::size_t size : sizes) first.push_back(arena.take_bytes(size));
  const std::size_t capacity = arena.capacity();
  const int chunks = arena.chunks();
  EXPECT_GT(chunks, 1);
  for (int step = 0; step < 5; ++step) {
    arena.reset();
    for (std::size_t i = 0; i < first.size(); ++i) ASSERT_EQ(arena.take_bytes(sizes[i]), first[i]) << i;
  }
  EXPECT_EQ(arena.capacity(), capacity);
  EXPECT_EQ(arena.chunks(), chunks);
}

TEST(Arena, EmptyBlocksAreDistinct) {
  Arena arena;
  EXPECT_NE(arena.take_bytes(0), arena.take_bytes(0));
  EXPECT_FALSE(arena.take({0, 5}).empty());
}

TEST(Arena, TensorHasItsShape) {
  Arena arena;
  const Tensor a = arena.take({3, 5}), b = arena.take({2});
  EXPECT_EQ(a.shape(), (Shape{3, 5}));
  EXPECT_GE(b.data(), a.data() + 15);
}

}  // namespace
}  // namespace mvmoe
