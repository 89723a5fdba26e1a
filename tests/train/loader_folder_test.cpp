// The loader on a folder of images, damage and all.
#include <set>

#include "tests/train/image_folder.h"
#include "train/augment/flip.h"
#include "train/augment/random_resized_crop.h"
#include "train/data/damaged.h"
#include "train/input/loader.h"

namespace mvmoe {
namespace {

// The same batches for any number of workers, and from any step on.
TEST(FolderLoader, BatchesDoNotDependOnWorkersNorOnTheStart) {
  const DamagedFolder damaged;
  const auto batches = [&](int workers, std::uint64_t first) {
    const DataSet data = load(damaged.folder);
    Loader loader(data.test,
                  {.batch_size = 3,
                   .classes = 2,
                   .side = 6,
                   .preprocessing = {.mean = {0, 0, 0}, .std = {1, 1, 1}},
                   .augment = {.resized_crop = true, .flip = true},
                   .seed = 5,
                   .workers = workers},
                  first);
    std::vector<std::vector<float>> out;
    for (std::uint64_t step = first; step < 12; ++step) {
      const Batch& batch = loader.next();
      out.emplace_back(batch.images.data(), batch.images.data() + batch.images.size());
    }
    return out;
  };
  const auto whole = batches(1, 0);
  EXPECT_EQ(whole[0].size(), 3u * 3 * 6 * 6);
  EXPECT_EQ(batches(3, 0), whole);
  const auto rest = batches(2, 5);
  EXPECT_TRUE(std::equal(rest.begin(), rest.end(), whole.begin() + 5, whole.end()));
}

TEST(FolderLoader, ALoaderNeedsASide) {
  const DamagedFolder damaged;
  const DataSet data = load(damaged.folder);
  EXPECT_EQ(
      message_of([&] {
        Loader loader(data.test, {.batch_size = 3, .classes = 2, .preprocessing = {.mean = {}, .std = {1, 1, 1}}});
      }),
      "loader: images of any size need the network's side, which is 0");
  EXPECT_EQ(message_of<UsageError>([&] {
              Loader loader(data.test, {.batch_size = 3,
                                        .classes = 2,
                                        .side = 6,
                                        .preprocessing = {.mean = {}, .std = {1, 1, 1}},
                                        .augment = {.pad = 4}});
            }),
            "--crop: pad4 is for images of the network's size, these are of any size");
  const DataSet small = load_dataset("glyphs");
  EXPECT_EQ(message_of<UsageError>([&] {
              Loader loader(small.train, {.batch_size = 3,
                                          .classes = 62,
                                          .preprocessing = {.mean = {}, .std = {1, 1, 1}},
                                          .augment = {.resized_crop = true}});
            }),
            "--crop: random-resized is for images of any size, these have side 32");
}

// Random resized crop, flip, normalise, in this order, keyed by seed, epoch and index.
TEST(FolderLoader, TrainingSeesAnotherPartEachTime) {
  const TemporaryFolder folder;
  const Image image = striped(60, 40);
  for (const char* name : {"a/0.png", "a/1.png"}) put_file(folder / name, encode_png(image.rgb.data(), 60, 40, 3));
  const DataSet data = load(folder);
  Loader loader(data.test, {.batch_size = 2,
                            .classes = 1,
                            .side = 12,
                            .preprocessing = {.mean = {0.1f, 0.2f, 0.3f}, .std = {0.5f, 0.5f, 0.5f}},
                            .augment = {.resized_crop = true, .flip = true},
                            .seed = 9});
  std::set<std::vector<float>> seen;
  for (std::uint64_t epoch = 0; epoch < 10; ++epoch) {
    const Batch& batch = loader.next();
    std::set<std::vector<float>> expected, found;
    for (int i = 0; i < 2; ++i) {
      const auto index = static_cast<std::uint64_t>(i);
      Image part;
      resize(image, choose_random_resized_crop(9, epoch, index, 60, 40), 12, 12, Interpolation::bicubic, part);
      if (choose_flip(9, epoch, index)) flip(part);
      std::vector<float> planes(3 * 12 * 12);
      normalise(part, {0.1f, 0.2f, 0.3f}, {0.5f, 0.5f, 0.5f}, planes.data());
      expected.insert(planes);
      const Tensor one = batch.images.outer_slice(i, 1);
      found.emplace(one.data(), one.data() + one.size());
    }
    ASSERT_EQ(found, expected) << "epoch " << epoch;
    seen.insert(found.begin(), found.end());
  }
  EXPECT_EQ(seen.size(), 20u);
}

// What vanishes while training goes on is replaced, and training goes on.
TEST(FolderLoader, FilesMayVanish) {
  const TemporaryFolder folder;
  for (int i = 0; i < 6; ++i) put(folder / text("a/", i, ".png"), i);
  const DataSet data = load(folder);
  Loader loader(data.test, {.batch_size = 6, .classes = 1, .side = 4, .preprocessing = {.mean = {}, .std = {1, 1, 1}}});
  for (int i = 0; i < 5; ++i) std::filesystem::remove(folder / text("a/", i, ".png"));
  const Batch* batch = nullptr;
  for (int step = 0; step < 10; ++step) batch = &loader.next();
  for (std::size_t i = 0; i < batch->images.size(); ++i) ASSERT_NEAR(batch->images[i], 5.0f / 255, 1e-6);
  EXPECT_EQ(data.test.damaged->images(), 5);
}

}  // namespace
}  // namespace mvmoe
