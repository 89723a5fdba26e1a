#include "engine/gradients.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <thread>
#include <vector>

#include "engine/random.h"
#include "engine/threads.h"
#include "tests/engine/helpers.h"

namespace mvmoe {
namespace {

constexpr std::size_t size = 3 * (1u << 16) + 77;  // four chunks, the last one short
constexpr int blocks = 16;

std::vector<std::vector<float>> random_blocks() {
  std::vector<std::vector<float>> out(blocks, std::vector<float>(size));
  for (int b = 0; b < blocks; ++b) {
    Random random(9, Place::test, static_cast<std::uint64_t>(b));
    for (float& value : out[static_cast<std::size_t>(b)])
      value = random.uniform(-1, 1) * std::exp2(random.uniform(-12, 12));
  }
  return out;
}

std::vector<float> total_of(Gradients& gradients, int threads, const std::vector<std::vector<float>>& data) {
  std::atomic<int> next{0};
  gradients.begin();
  Threads(threads).run([&](int t) {
    for (int b = next++; b < blocks; b = next++) {
      const auto& block = data[static_cast<std::size_t>(b)];
      std::copy(block.begin(), block.end(), gradients.buffer(t).data());
      gradients.merge(t, b);
    }
  });
  return {gradients.total().data(), gradients.total().data() + size};
}

// The sum as it is written in the header, and the same bits for any number of threads. The order matters: these
// numbers summed backwards give other bits.
TEST(Gradients, SameBitsForAnyNumberOfThreads) {
  const auto data = random_blocks();
  std::vector<float> expected = data[0], backwards = data[blocks - 1];
  for (std::size_t b = 1; b < blocks; ++b)
    for (std::size_t i = 0; i < size; ++i) {
      expected[i] += data[b][i];
      backwards[i] += data[blocks - 1 - b][i];
    }
  ASSERT_NE(expected, backwards);
  double norm = -1;
  for (const int threads : {1, 2, 3, 8}) {
    Gradients gradients(size, threads);
    Threads team(threads);
    Comm alone;
    for (int step = 0; step < 3; ++step) {
      const std::vector<float> total = total_of(gradients, threads, data);
      EXPECT_EQ(std::memcmp(total.data(), expected.data(), size * sizeof(float)), 0)
          << threads << " threads, step " << step;
      for (int t = 0; t < threads; ++t)
        for (std::size_t i = 0; i < size; ++i) ASSERT_EQ(gradients.buffer(t)[i], 0) << "thread " << t;
    }
    const double n = gradients.norm(team, alone);
    if (norm < 0) norm = n;
    EXPECT_EQ(n, norm) << threads << " threads";
  }
}

// The system gives a page on the memory node of the thread that touches it first: nobody may touch a buffer for its
// thread.
TEST(Gradients, BuffersAreTouchedFirstByTheirThread) {
  const auto touched = [](const Block& block) {
    std::vector<unsigned char> pages((block.size() * sizeof(float) + 4095) / 4096);
    EXPECT_EQ(mincore(block.data(), block.size() * sizeof(float), pages.data()), 0);
    return std::count_if(pages.begin(), pages.end(), [](unsigned char page) { return page & 1; });
  };
  constexpr std::size_t large = std::size_t{4} << 20;  // 16 MiB, since a huge page of 2 MiB may lie across two buffers
  constexpr int huge = 512, all = 4096;                // pages
  Threads team(3);
  Gradients gradients(large, 3);
  gradients.begin();
  for (int t = 0; t < 3; ++t) EXPECT_LE(touched(gradients.buffer(t)), huge) << "thread " << t;
  EXPECT_LE(touched(gradients.total()), huge);
  team.run([&](int t) {
    if (t == 1) gradients.merge(1, 0);
  });
  EXPECT_EQ(touched(gradients.buffer(1)), all);
  EXPECT_EQ(touched(gradients.total()), all);
  EXPECT_LE(touched(gradients.buffer(0)), huge);
  EXPECT_LE(touched(gradients.buffer(2)), huge);
}

TEST(Gradients, NormIsTheEuclideanOne) {
  Threads team(2);
  Comm alone;
  Gradients gradients(size, 2);
  double squares = 0;
  for (std::size_t i = 0; i < size; ++i) {
    gradients.total()[i] = std::sin(static_cast<float>(i));
    squares += std::pow(double{gradients.total()[i]}, 2);
  }
  EXPECT_NEAR(gradients.norm(team, alone), std::sqrt(squares), 1e-9 * std::sqrt(squares));
  gradients.total()[size - 1] = std::nanf("");
  EXPECT_TRUE(std::isnan(gradients.norm(team, alone)));
}

TEST(Gradients, AbandonFreesWhoWaits) {
  Gradients gradients(size, 2);
  std::atomic<bool> returned{false};
  std::thread waiter([&] {
    gradients.merge(1, 1);  // block 0 never comes
    returned = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_FALSE(returned.load());
  gradients.abandon();
  waiter.join();
  EXPECT_TRUE(returned.load());
  // The next step begins as if nothing had been: the buffer that was not merged is empty again.
  gradients.buffer(1)[3] = 7;
  gradients.begin();
  EXPECT_EQ(gradients.buffer(1)[3], 0);
  gradients.merge(0, 0);
  gradients.merge(1, 1);
  EXPECT_EQ(gradients.total()[3], 0);
}

// A step whose lanes add first to a range at the end, and then to what is before it: the border lies in the middle of a
// chunk, and the total keeps nothing of the step before, in either.
TEST(Gradients, RangesOneAfterTheOtherAreTheSameTotal) {
  const auto data = random_blocks();
  constexpr std::size_t border = 2 * (1u << 16) + 1000;
  Gradients gradients(size, 2, {border + 100, border + 300});
  Threads team(2);
  Comm alone;
  const auto add = [&](int t, int b, Range range) {
    const float* from = data[static_cast<std::size_t>(b)].data();
    std::copy(from + range.begin, from + range.end, gradients.buffer(t).data() + range.begin);
    gradients.merge(t, b % 2);
  };
  for (int step = 0; step < 3; ++step) {
    gradients.begin();
    const Range ranges[] = {{border, size}, {0, border}};
    for (const Range& range : ranges) {
      if (range.begin == 0) gradients.go_on();
      gradients.expect(2, nullptr, range);
      add(0, 2 * step, range);
      add(1, 2 * step + 1, range);
    }
    const float *one = data[static_cast<std::size_t>(2 * step)].data(),
                *other = data[static_cast<std::size_t>(2 * step + 1)].data();
    double squares = 0;
    for (std::size_t i = 0; i < size; ++i) {
      ASSERT_EQ(gradients.total()[i], one[i] + other[i]) << "number " << i << ", step " << step;
      squares += static_cast<double>(gradients.total()[i]) * gradients.total()[i];
    }
    EXPECT_NEAR(gradients.norm(team, alone), std::sqrt(squares), 1e-9 * std::sqrt(squares));
  }
  gradients.begin();
  gradients.expect(1, nullptr, {border, size});  // no lane adds anything there: 0, and not what the last step left
  gradients.merge(0, 0);
  for (std::size_t i = border; i < size; ++i) ASSERT_EQ(gradients.total()[i], 0) << "number " << i;
}

// What is complete early is merged early, whole chunks only and never before the block before; the total is the same.
TEST(Gradients, MergedEarlyAndTheRestIsTheSameTotal) {
  const auto data = random_blocks();
  const auto fill = [&](Gradients& gradients, int t, int b) {
    std::copy(data[static_cast<std::size_t>(b)].begin(), data[static_cast<std::size_t>(b)].end(),
              gradients.buffer(t).data());
  };
  Gradients gradients(size, 2);
  constexpr std::size_t chunk = 1u << 16;
  for (int step = 0; step < 2; ++step) {
    gradients.begin();
    gradients.expect(2, nullptr, gradients.all());
    fill(gradients, 1, 1);
    gradients.merge_complete(1, 1, 0);  // block 0 has not passed anywhere: nothing may be merged
    EXPECT_EQ(gradients.buffer(1)[size - 1], data[1][size - 1]);
    fill(gradients, 0, 0);
    gradients.merge(0, 0);
    gradients.merge_complete(1, 1, 2 * chunk + 1);  // the third chunk is not complete
    EXPECT_EQ(gradients.buffer(1)[3 * chunk], 0);
    EXPECT_EQ(gradients.buffer(1)[2 * chunk + 5], data[1][2 * chunk + 5]);
    gradients.merge_complete(1, 1, 2 * chunk);
    EXPECT_EQ(gradients.buffer(1)[2 * chunk], 0);
    gradients.merge(1, 1);
    for (std::size_t i = 0; i < size; ++i)
      ASSERT_EQ(gradients.total()[i], data[0][i] + data[1][i]) << "number " << i << ", step " << step;
  }
}

}  // namespace
}  // namespace mvmoe
