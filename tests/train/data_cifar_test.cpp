#include <cmath>
#include <cstdlib>

#include "engine/files.h"
#include "tests/engine/helpers.h"
#include "train/data/dataset.h"

namespace mvmoe {
namespace {

// A record whose pixels tell where it stands: plane c, place p holds (7 * number + 50 * c + p) mod 256.
std::vector<std::uint8_t> record(std::vector<std::uint8_t> labels, int number) {
  for (int c = 0; c < 3; ++c)
    for (int p = 0; p < 1024; ++p) labels.push_back(static_cast<std::uint8_t>(7 * number + 50 * c + p));
  return labels;
}

std::string lines(const std::string& prefix, int count, const std::string& end) {
  std::string out;
  for (int i = 0; i < count; ++i) out += prefix + std::to_string(i) + end;
  return out;
}

struct Cifar100Test : testing::Test {
  TemporaryFolder folder;
  const std::string spec = "cifar100:" + folder.string(), start = folder.string() + "/";

  // Fine label f under coarse label f / 5; 200 training images, 100 test images.
  static std::vector<std::uint8_t> records(int count) {
    std::vector<std::uint8_t> out;
    for (int i = 0; i < count; ++i) {
      const auto fine = static_cast<std::uint8_t>(i * 3 % 100);
      const std::vector<std::uint8_t> r = record({static_cast<std::uint8_t>(fine / 5), fine}, i);
      out.insert(out.end(), r.begin(), r.end());
    }
    return out;
  }
  Cifar100Test() {
    write_file(folder / "train.bin", records(200));
    write_file(folder / "test.bin", records(100));
    write_file(folder / "fine_label_names.txt", lines("fine", 100, "\r\n") + "\r\n");
    write_file(folder / "coarse_label_names.txt", lines("coarse", 20, "\n") + "\n\n");
  }
  std::string loading() const {
    return message_of([&] { load_dataset(spec); });
  }
};

TEST_F(Cifar100Test, ReadsImagesLabelsAndNames) {
  const DataSet data = load_dataset(spec);
  EXPECT_EQ(data.spec, spec);
  EXPECT_EQ(data.train.size(), 200);
  EXPECT_EQ(data.test.size(), 100);
  EXPECT_EQ(data.train.channels, 3);
  EXPECT_EQ(data.train.side, 32);
  ASSERT_EQ(data.train.pixels.size(), 200u * 3072);
  for (const int i : {0, 1, 77, 199}) {
    EXPECT_EQ(data.train.labels[static_cast<std::size_t>(i)], i * 3 % 100);
    const std::vector<std::uint8_t> r = record({}, i);
    EXPECT_TRUE(std::equal(r.begin(), r.end(), data.train.image(i))) << i;
  }
  EXPECT_EQ(data.classes.size(), 100u);
  EXPECT_EQ(data.classes[99], "fine99") << "no carriage return may stay";
  EXPECT_EQ(data.coarse_classes.back(), "coarse19");
  for (std::size_t c = 0; c < 100; ++c) EXPECT_EQ(data.coarse_of_class[c], static_cast<int>(c) / 5);
  EXPECT_EQ(data.mean, (std::array<float, 3>{0.5071f, 0.4865f, 0.4409f}));
  EXPECT_EQ(data.std, (std::array<float, 3>{0.2673f, 0.2564f, 0.2762f}));
  EXPECT_TRUE(data.flip);
}

TEST_F(Cifar100Test, ACopyThatLacksAClassHasNoCoarseLabels) {
  write_file(folder / "train.bin", records(40));
  write_file(folder / "test.bin", records(40));
  const DataSet data = load_dataset(spec);
  EXPECT_EQ(data.train.size(), 40);
  EXPECT_TRUE(data.coarse_of_class.empty());
  EXPECT_TRUE(data.coarse_classes.empty());
}

TEST_F(Cifar100Test, MissingFilesAreNamed) {
  for (const char* name : {"test.bin", "train.bin", "coarse_label_names.txt", "fine_label_names.txt"}) {
    std::filesystem::remove(folder / name);
    EXPECT_EQ(loading(), start + name + ": No such file or directory");
  }
  EXPECT_EQ(message_of([] { load_dataset("cifar100:/no/such"); }),
            "/no/such: No such file or directory (--data cifar100:DIR)");
  write_file(folder / "file", std::string_view("x"));
  EXPECT_EQ(message_of([&] { load_dataset(spec + "/file"); }), start + "file: Not a directory (--data cifar100:DIR)");
}

TEST_F(Cifar100Test, WrongSizesAreNamed) {
  std::vector<std::uint8_t> bytes = records(3);
  bytes.pop_back();
  write_file(folder / "test.bin", bytes);
  EXPECT_EQ(loading(),
            start + "test.bin: has 9221 bytes, must be a multiple of the 3074 bytes of a record (cut short?)");
  write_file(folder / "train.bin", std::string_view(""));
  EXPECT_EQ(loading(), start + "train.bin: is empty");
}

TEST_F(Cifar100Test, LabelsOutOfRangeAreNamed) {
  std::vector<std::uint8_t> bytes = records(200);
  bytes[3074 * 150 + 1] = 100;
  write_file(folder / "train.bin", bytes);
  EXPECT_EQ(loading(), start + "train.bin: record 150 has fine label 100, must be below 100");
  bytes[3074 * 9] = 20;
  write_file(folder / "train.bin", bytes);
  EXPECT_EQ(loading(), start + "train.bin: record 9 has coarse label 20, must be below 20");
}

TEST_F(Cifar100Test, AClassHasOneCoarseLabel) {
  std::vector<std::uint8_t> bytes = records(100);
  bytes[3074 * 5] = 7;  // fine label 15, coarse label 3
  write_file(folder / "test.bin", bytes);
  EXPECT_EQ(loading(), start + "test.bin: record 5 puts class fine15 under coarse label 7, an earlier one under 3");
}

TEST_F(Cifar100Test, NamesAreCounted) {
  write_file(folder / "fine_label_names.txt", lines("fine", 99, "\n"));
  EXPECT_EQ(loading(), start + "fine_label_names.txt: holds 99 names, must hold 100");
  write_file(folder / "fine_label_names.txt", text("\n", lines("fine", 99, "\n")));
  EXPECT_EQ(loading(), start + "fine_label_names.txt: line 1 holds no name");
}

TEST(Cifar10, ReadsFiveBatchesInOrder) {
  const TemporaryFolder folder;
  for (int b = 1; b <= 5; ++b) {
    std::vector<std::uint8_t> bytes = record({static_cast<std::uint8_t>(b)}, b),
                              second = record({static_cast<std::uint8_t>(b + 4)}, b + 10);
    bytes.insert(bytes.end(), second.begin(), second.end());
    write_file(folder / text("data_batch_", b, ".bin"), bytes);
  }
  write_file(folder / "test_batch.bin", record({0}, 99));
  write_file(folder / "batches.meta.txt", lines("class", 10, "\n") + "\n");
  const std::string spec = "cifar10:" + folder.string();
  const DataSet data = load_dataset(spec);
  EXPECT_EQ(data.train.labels, (std::vector<int>{1, 5, 2, 6, 3, 7, 4, 8, 5, 9}));
  EXPECT_EQ(data.test.labels, std::vector<int>{0});
  const std::vector<std::uint8_t> r = record({}, 14);
  EXPECT_TRUE(std::equal(r.begin(), r.end(), data.train.image(7)));
  EXPECT_EQ(data.classes[9], "class9");
  EXPECT_TRUE(data.coarse_of_class.empty());
  EXPECT_EQ(data.mean, (std::array<float, 3>{0.4914f, 0.4822f, 0.4465f}));
  EXPECT_EQ(data.std, (std::array<float, 3>{0.2470f, 0.2435f, 0.2616f}));
  EXPECT_TRUE(data.flip);

  std::vector<std::uint8_t> bad = record({10}, 0);
  write_file(folder / "data_batch_3.bin", bad);
  EXPECT_EQ(message_of([&] { load_dataset(spec); }),
            folder.string() + "/data_batch_3.bin: record 0 has label 10, must be below 10");
  std::filesystem::remove(folder / "data_batch_5.bin");
  write_file(folder / "data_batch_3.bin", record({1}, 0));
  EXPECT_EQ(message_of([&] { load_dataset(spec); }), folder.string() + "/data_batch_5.bin: No such file or directory");
  bad.resize(100);
  write_file(folder / "data_batch_1.bin", bad);
  EXPECT_EQ(message_of([&] { load_dataset(spec); }),
            folder.string() +
                "/data_batch_1.bin: has 100 bytes, must be a multiple of the 3073 bytes of a record (cut short?)");
}

TEST(DataSpec, UnknownKindsSuggestTheNearest) {
  const auto usage = [](const std::string& spec) { return message_of<UsageError>([&] { load_dataset(spec); }); };
  const std::string all =
      " (glyphs, cifar10:DIR, cifar100:DIR, mnist:DIR, folder:DIR, pack:FILE, fractals[:KEY=VALUE,..])";
  EXPECT_EQ(usage("cifar1000:x"), "--data: 'cifar1000:x' is of no known kind: did you mean cifar100:DIR?" + all);
  EXPECT_EQ(usage("glyph"), "--data: 'glyph' is of no known kind: did you mean glyphs?" + all);
  EXPECT_EQ(usage("im\nagenet:x"), "--data: 'im\\x0aagenet:x' is of no known kind" + all);
  EXPECT_EQ(usage(""), "--data: '' is of no known kind" + all);
  EXPECT_EQ(usage("cifar10"), "--data: 'cifar10' names no folder: cifar10:DIR");
  EXPECT_EQ(usage("mnist:"), "--data: 'mnist:' names no folder: mnist:DIR");
  EXPECT_EQ(usage("pack:"), "--data: 'pack:' names no file: pack:FILE");
  EXPECT_EQ(usage("glyphs:x"), "--data: 'glyphs:x': glyphs takes no folder");
}

// The published files: known sizes, 500 and 100 images of each class, and moments that the constants claim.
TEST(Cifar100, ThePublishedFiles) {
  const char* given = std::getenv("MVMOE_DATA");
  const std::filesystem::path folder = std::filesystem::path(given ? given : "../shared/data") / "cifar-100-binary";
  if (!std::filesystem::is_directory(folder))
    GTEST_SKIP() << folder << " is not there (MVMOE_DATA names the folder that holds it)";
  const DataSet data = load_dataset("cifar100:" + folder.string());
  ASSERT_EQ(data.train.size(), 50'000);
  ASSERT_EQ(data.test.size(), 10'000);
  EXPECT_EQ(data.classes.front(), "apple");
  EXPECT_EQ(data.classes.back(), "worm");
  std::vector<int> count(100), classes_of_coarse(20);
  for (const int label : data.train.labels) ++count[static_cast<std::size_t>(label)];
  EXPECT_EQ(count, std::vector<int>(100, 500));
  for (const int coarse : data.coarse_of_class) ++classes_of_coarse[static_cast<std::size_t>(coarse)];
  EXPECT_EQ(classes_of_coarse, std::vector<int>(20, 5));
  EXPECT_EQ(data.coarse_classes[static_cast<std::size_t>(data.coarse_of_class[0])], "fruit_and_vegetables");
  for (std::size_t c = 0; c < 3; ++c) {
    double sum = 0, squares = 0;
    for (int i = 0; i < data.train.size(); ++i)
      for (int p = 0; p < 1024; ++p) {
        const double v = data.train.image(i)[c * 1024 + static_cast<std::size_t>(p)] / 255.0;
        sum += v;
        squares += v * v;
      }
    const double n = 50'000.0 * 1024;
    EXPECT_NEAR(sum / n, data.mean[c], 1e-4);
    EXPECT_NEAR(std::sqrt(squares / n - sum / n * sum / n), data.std[c], 2e-4);
  }
}

}  // namespace
}  // namespace mvmoe
