#include "train/input/loader.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "tests/engine/helpers.h"

namespace mvmoe {
namespace {

constexpr int side = 6, classes = 5;

// Image i is a bright dot that says who it is: 100 + i in each plane, plus the plane's number, in row 2, column 3.
ImageSet dotted(int size, int channels = 3) {
  ImageSet set{.channels = channels, .side = side, .pixels = {}, .labels = {}};
  set.pixels.assign(static_cast<std::size_t>(size * channels * side * side), 0);
  for (int i = 0; i < size; ++i) {
    set.labels.push_back(i * 2 % classes);
    for (int c = 0; c < channels; ++c)
      set.pixels[static_cast<std::size_t>(((i * channels + c) * side + 2) * side + 3)] =
          static_cast<std::uint8_t>(100 + i + c);
  }
  return set;
}

LoaderConfig config(int batch_size) {
  return {
      .batch_size = batch_size, .classes = classes, .preprocessing = {.mean = {0, 0, 0}, .std = {1, 1, 1}}, .seed = 17};
}

struct Copy {
  std::vector<float> images, targets;
  std::vector<int> labels;
  friend bool operator==(const Copy&, const Copy&) = default;
};

Copy copy(const Batch& b) {
  return {{b.images.data(), b.images.data() + b.images.size()},
          {b.targets.data(), b.targets.data() + b.targets.size()},
          b.labels};
}

std::vector<Copy> batches(const ImageSet& set, const LoaderConfig& config, int count, std::uint64_t first = 0) {
  Loader loader(set, config, first);
  std::vector<Copy> out;
  for (int i = 0; i < count; ++i) out.push_back(copy(loader.next()));
  return out;
}

// Who stands in the batch's place b, read off the dot wherever it is.
int image_in(const Copy& batch, int b) {
  const float* plane = batch.images.data() + b * 3 * side * side;
  return static_cast<int>(std::lround(*std::max_element(plane, plane + side * side) * 255)) - 100;
}

TEST(Loader, BatchesDoNotDependOnTheWorkers) {
  const ImageSet set = dotted(23);
  LoaderConfig c = config(4);
  c.augment.pad = 2;
  c.augment.flip = true;
  c.label_smoothing = 0.1f;
  const std::vector<Copy> one = batches(set, c, 40);
  for (const int workers : {2, 3, 7}) {
    c.workers = workers;
    EXPECT_TRUE(batches(set, c, 40) == one) << workers << " workers";
  }
}

TEST(Loader, StartingLaterEqualsSkipping) {
  const ImageSet set = dotted(23);
  LoaderConfig c = config(4);
  c.augment.pad = 1;
  c.augment.flip = true;
  c.workers = 2;
  const std::vector<Copy> all = batches(set, c, 20);
  for (const int first : {1, 4, 5, 13}) {
    const std::vector<Copy> later = batches(set, c, 20 - first, static_cast<std::uint64_t>(first));
    EXPECT_TRUE(std::equal(later.begin(), later.end(), all.begin() + first)) << first;
  }
}

TEST(Loader, EachImageOnceAnEpochButTheDroppedRest) {
  const ImageSet set = dotted(23);
  Loader loader(set, config(5));
  EXPECT_EQ(loader.batches_per_epoch(), 4);
  std::vector<std::vector<int>> epochs;
  for (int epoch = 0; epoch < 6; ++epoch) {
    std::vector<int> order;
    for (int i = 0; i < 4; ++i) {
      const Copy batch = copy(loader.next());
      for (int b = 0; b < 5; ++b) {
        order.push_back(image_in(batch, b));
        EXPECT_EQ(batch.labels[static_cast<std::size_t>(b)], set.labels[static_cast<std::size_t>(order.back())]);
      }
    }
    EXPECT_EQ(std::set<int>(order.begin(), order.end()).size(), 20u) << "an image twice in epoch " << epoch;
    for (const auto& before : epochs) EXPECT_NE(order, before) << "epochs must be shuffled differently";
    epochs.push_back(order);
  }
  EXPECT_FALSE(std::is_sorted(epochs[0].begin(), epochs[0].end()));
  std::set<int> seen;
  for (const auto& order : epochs) seen.insert(order.begin(), order.end());
  EXPECT_EQ(seen.size(), 23u) << "the rest that is dropped is another one in each epoch";
}

TEST(Loader, ABatchAsLargeAsTheSetHoldsItAll) {
  const ImageSet set = dotted(7);
  const std::vector<Copy> all = batches(set, config(7), 3);
  for (const Copy& batch : all) {
    std::set<int> seen;
    for (int b = 0; b < 7; ++b) seen.insert(image_in(batch, b));
    EXPECT_EQ(seen.size(), 7u);
  }
}

TEST(Loader, AnotherSeedGivesAnotherOrder) {
  const ImageSet set = dotted(23);
  LoaderConfig c = config(23);
  const std::vector<Copy> first = batches(set, c, 1);
  c.seed = 18;
  EXPECT_FALSE(batches(set, c, 1) == first);
}

TEST(Loader, TargetsAreSmoothed) {
  const ImageSet set = dotted(10);
  LoaderConfig c = config(10);
  for (const float e : {0.0f, 0.1f, 0.5f}) {
    c.label_smoothing = e;
    const Copy batch = batches(set, c, 1)[0];
    for (int b = 0; b < 10; ++b)
      for (int k = 0; k < classes; ++k) {
        const float expected = k == batch.labels[static_cast<std::size_t>(b)] ? 1 - e + e / classes : e / classes;
        EXPECT_FLOAT_EQ(batch.targets[static_cast<std::size_t>(b * classes + k)], expected);
      }
  }
}

TEST(Loader, ImagesAreNormalisedAndGreyIsRepeated) {
  LoaderConfig c = config(4);
  c.preprocessing.mean = {0.5f, 0.25f, 0.1f};
  c.preprocessing.std = {0.2f, 0.4f, 0.8f};
  for (const int channels : {1, 3}) {
    const ImageSet set = dotted(4, channels);
    const Copy batch = batches(set, c, 1)[0];
    std::set<float> dots;
    for (int b = 0; b < 4; ++b)
      for (int p = 0; p < 3; ++p) {
        const std::size_t i = static_cast<std::size_t>(p), plane = static_cast<std::size_t>((b * 3 + p) * side * side);
        EXPECT_NEAR(batch.images[plane], (0 - c.preprocessing.mean[i]) / c.preprocessing.std[i], 1e-6);
        const float raw =
            std::round((batch.images[plane + 2 * side + 3] * c.preprocessing.std[i] + c.preprocessing.mean[i]) * 255);
        EXPECT_NEAR(batch.images[plane + 2 * side + 3], (raw / 255 - c.preprocessing.mean[i]) / c.preprocessing.std[i],
                    1e-5);
        dots.insert(raw - static_cast<float>(channels == 3 ? p : 0));
      }
    EXPECT_EQ(dots, (std::set<float>{100, 101, 102, 103}));
  }
}

// Where the dot is found, over many epochs: each shift and each side as often as any other.
TEST(Loader, CropsAndFlipsAreSpreadEvenly) {
  const ImageSet set = dotted(50);
  LoaderConfig c = config(50);
  c.augment.pad = 1;
  c.augment.flip = true;
  Loader loader(set, c);
  std::vector<int> column(side), row(side);
  constexpr int epochs = 200, drawn = epochs * 50;
  for (int epoch = 0; epoch < epochs; ++epoch) {
    const Copy batch = copy(loader.next());
    for (int b = 0; b < 50; ++b) {
      const float* plane = batch.images.data() + b * 3 * side * side;
      const std::ptrdiff_t at = std::max_element(plane, plane + side * side) - plane;
      ++column[static_cast<std::size_t>(at % side)];
      ++row[static_cast<std::size_t>(at / side)];
    }
  }
  // Column 3 goes to 2, 3 or 4; its mirror, column 2, comes from there with 3, 2 or 1.
  const std::vector<double> column_share{0, 1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6, 0},
      row_share{0, 1.0 / 3, 1.0 / 3, 1.0 / 3, 0, 0};
  for (std::size_t i = 0; i < side; ++i) {
    EXPECT_NEAR(column[i], column_share[i] * drawn, 6 * std::sqrt(column_share[i] * drawn)) << "column " << i;
    EXPECT_NEAR(row[i], row_share[i] * drawn, 6 * std::sqrt(row_share[i] * drawn)) << "row " << i;
  }
}

TEST(Loader, ABatchStaysUntilTheNextCall) {
  const ImageSet set = dotted(23);
  LoaderConfig c = config(4);
  c.workers = 3;
  Loader loader(set, c);
  for (int i = 0; i < 50; ++i) {
    const Batch& batch = loader.next();
    const Copy before = copy(batch);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // the workers fill all they may
    ASSERT_TRUE(copy(batch) == before);
  }
}

TEST(Loader, MemoryIsReused) {
  const ImageSet set = dotted(23);
  Loader loader(set, config(4));
  std::set<const float*> places;
  for (int i = 0; i < 50; ++i) places.insert(loader.next().images.data());
  EXPECT_EQ(places.size(), 3u) << "one slot a worker and two more";
  for (const float* place : places) EXPECT_EQ(reinterpret_cast<std::uintptr_t>(place) % 64, 0u);
}

TEST(Loader, StopsAtAnyMoment) {
  const ImageSet set = dotted(23);
  LoaderConfig c = config(4);
  c.workers = 4;
  for (int taken = 0; taken < 20; ++taken) {
    Loader loader(set, c);
    for (int i = 0; i < taken; ++i) loader.next();
  }
}

TEST(Loader, AWorkersExceptionReachesTheCaller) {
  ImageSet set = dotted(23);
  set.labels[20] = classes;
  LoaderConfig c = config(4);
  c.workers = 3;
  Loader loader(set, c);
  const auto run = [&] {
    for (int i = 0; i < 20; ++i) loader.next();
  };
  EXPECT_EQ(message_of(run), "loader: label 5 of image 20 is not one of 5 classes");
  EXPECT_EQ(message_of(run), "loader: label 5 of image 20 is not one of 5 classes") << "again, and it does not hang";
}

TEST(Loader, RefusesWhatMakesNoSense) {
  const ImageSet set = dotted(10);
  const auto message = [&](auto change) {
    LoaderConfig c = config(4);
    change(c);
    return message_of<UsageError>([&] { Loader loader(set, c); });
  };
  EXPECT_EQ(message([](LoaderConfig& c) { c.batch_size = 11; }),
            "--batch-size: 11, but the training set has only 10 images");
  EXPECT_EQ(message([](LoaderConfig& c) { c.batch_size = 0; }), "--batch-size: 0, must be at least 1");
  EXPECT_EQ(message([](LoaderConfig& c) { c.workers = 0; }), "--workers: 0, must be at least 1");
  EXPECT_EQ(message([](LoaderConfig& c) { c.augment.pad = -1; }),
            "--crop: -1, must be at least 0 and below the images' side 6");
  EXPECT_EQ(message([](LoaderConfig& c) { c.augment.pad = 6; }),
            "--crop: 6, must be at least 0 and below the images' side 6");
  EXPECT_EQ(message([](LoaderConfig& c) { c.label_smoothing = 1; }),
            "--label-smoothing: 1, must be at least 0 and below 1");
  EXPECT_EQ(message([](LoaderConfig& c) { c.preprocessing.std[1] = 0; }), "--std: 0, must be above 0");
}

}  // namespace
}  // namespace mvmoe
