#include "engine/files.h"
#include "tests/engine/helpers.h"
#include "tests/train/helpers.h"
#include "train/data/dataset.h"

namespace mvmoe {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes idx(std::uint32_t magic, const std::vector<std::uint32_t>& sizes, const Bytes& data) {
  Bytes out;
  const auto put = [&](std::uint32_t v) {
    for (const int shift : {24, 16, 8, 0}) out.push_back(static_cast<std::uint8_t>(v >> shift));
  };
  put(magic);
  for (const std::uint32_t size : sizes) put(size);
  out.insert(out.end(), data.begin(), data.end());
  return out;
}

Bytes pattern(std::size_t size) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(i * 37 + i / 100);
  return out;
}

constexpr const char* train_images = "train-images-idx3-ubyte";
constexpr const char* train_labels = "train-labels-idx1-ubyte";
constexpr const char* test_images = "t10k-images-idx3-ubyte";
constexpr const char* test_labels = "t10k-labels-idx1-ubyte";

struct MnistTest : testing::Test {
  TemporaryFolder folder;
  const std::string spec = "mnist:" + folder.string(), start = folder.string() + "/";
  const Bytes images = idx(2051, {5, 6, 6}, pattern(180)), labels = idx(2049, {5}, {3, 0, 9, 1, 3});

  MnistTest() {
    write_file(folder / train_images, images);
    write_file(folder / train_labels, labels);
    write_file(folder / test_images, idx(2051, {2, 6, 6}, pattern(72)));
    write_file(folder / test_labels, idx(2049, {2}, {7, 2}));
  }
  std::string loading() const {
    return message_of([&] { load_dataset(spec); });
  }
  std::string loading_with(const char* name, const Bytes& bytes) const {
    write_file(folder / name, bytes);
    return loading();
  }
};

TEST_F(MnistTest, ReadsPlainAndGzippedFiles) {
  for (const bool packed : {false, true}) {
    if (packed)
      for (const char* name : {train_images, train_labels, test_images, test_labels}) {
        write_file(folder / (std::string(name) + ".gz"), gzip(read_file(folder / name)));
        std::filesystem::remove(folder / name);
      }
    const DataSet data = load_dataset(spec);
    EXPECT_EQ(data.train.size(), 5);
    EXPECT_EQ(data.train.side, 6);
    EXPECT_EQ(data.train.channels, 1);
    EXPECT_EQ(data.train.pixels, pattern(180));
    EXPECT_EQ(data.train.labels, (std::vector<int>{3, 0, 9, 1, 3}));
    EXPECT_EQ(data.test.pixels, pattern(72));
    EXPECT_EQ(data.test.labels, (std::vector<int>{7, 2}));
    EXPECT_EQ(data.classes, (std::vector<std::string>{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}));
    EXPECT_EQ(data.mean, (std::array<float, 3>{0.1307f, 0.1307f, 0.1307f}));
    EXPECT_EQ(data.std, (std::array<float, 3>{0.3081f, 0.3081f, 0.3081f}));
    EXPECT_FALSE(data.flip);
    EXPECT_TRUE(data.coarse_of_class.empty());
  }
}

TEST_F(MnistTest, AGzippedFileMayCarryThePlainNameAndSeveralStreams) {
  const Bytes first(images.begin(), images.begin() + 50), second(images.begin() + 50, images.end());
  Bytes joined = gzip(first);
  const Bytes rest = gzip(second);
  joined.insert(joined.end(), rest.begin(), rest.end());
  write_file(folder / train_images, joined);
  EXPECT_EQ(load_dataset(spec).train.pixels, pattern(180));
}

TEST_F(MnistTest, MoreLabelsMeanMoreClasses) {
  write_file(folder / train_labels, idx(2049, {5}, {3, 0, 46, 1, 3}));
  write_file(folder / test_labels, idx(2049, {2}, {46, 2}));
  EXPECT_EQ(load_dataset(spec).classes.size(), 47u);
  EXPECT_EQ(loading_with(test_labels, idx(2049, {2}, {7, 47})),
            start + "t10k-labels-idx1-ubyte: label 1 is 47, must be below 47 (the training set's number of classes)");
  write_file(folder / train_labels, labels);
  EXPECT_EQ(loading_with(test_labels, idx(2049, {2}, {10, 1})),
            start + "t10k-labels-idx1-ubyte: label 0 is 10, must be below 10 (the training set's number of classes)");
}

TEST_F(MnistTest, MissingFilesAreNamed) {
  std::filesystem::remove(folder / test_labels);
  EXPECT_EQ(loading(), start + "t10k-labels-idx1-ubyte: no such file, nor t10k-labels-idx1-ubyte.gz");
  std::filesystem::remove(folder / train_images);
  EXPECT_EQ(loading(), start + "train-images-idx3-ubyte: no such file, nor train-images-idx3-ubyte.gz");
}

TEST_F(MnistTest, WrongHeadersAreNamed) {
  EXPECT_EQ(loading_with(train_images, labels),
            start + "train-images-idx3-ubyte: the magic number is 2049, must be 2051 (IDX of bytes with 3 axes)");
  EXPECT_EQ(loading_with(train_images, idx(2051, {5, 6, 7}, pattern(210))),
            start + "train-images-idx3-ubyte: images are 6 x 7, must be square");
  EXPECT_EQ(loading_with(train_images, idx(2051, {0, 6, 6}, {})), start + "train-images-idx3-ubyte: is empty");
  EXPECT_EQ(loading_with(train_images, idx(2051, {5, 0, 0}, {})),
            start + "train-images-idx3-ubyte: images are 0 x 0, the side must be 1 to 1024");
  EXPECT_EQ(loading_with(train_images, idx(2051, {5, 65536, 65536}, {})),
            start + "train-images-idx3-ubyte: images are 65536 x 65536, the side must be 1 to 1024");
  EXPECT_EQ(loading_with(train_images, idx(2051, {0xffffffff, 6, 6}, {})),
            start + "train-images-idx3-ubyte: declares 4294967295 entries, at most 100000000 are supported");
  EXPECT_EQ(loading_with(train_images, {0, 0, 8}),
            start + "train-images-idx3-ubyte: ends within the 4 bytes that must follow its byte 0 (cut short?)");
  EXPECT_EQ(loading_with(train_images, {}),
            start + "train-images-idx3-ubyte: ends within the 4 bytes that must follow its byte 0 (cut short?)");
  EXPECT_EQ(loading_with(train_images, {0, 0, 8, 3, 0, 0}),
            start + "train-images-idx3-ubyte: ends within the 12 bytes that must follow its byte 4 (cut short?)");
  write_file(folder / train_images, images);
  EXPECT_EQ(loading_with(train_labels, images),
            start + "train-labels-idx1-ubyte: the magic number is 2051, must be 2049 (IDX of bytes with 1 axis)");
  write_file(folder / train_labels, labels);
  EXPECT_EQ(loading_with(test_images, idx(2051, {2, 5, 5}, pattern(50))),
            folder.string() + ": training images have side 6, test images 5: must be equal");
}

TEST_F(MnistTest, CountsMustAgree) {
  EXPECT_EQ(loading_with(train_labels, idx(2049, {4}, {3, 0, 9, 1})),
            start + "train-labels-idx1-ubyte: holds 4 labels for the 5 images of " + start + "train-images-idx3-ubyte");
}

TEST_F(MnistTest, CutAndGrownFilesAreNamed) {
  Bytes bytes = images;
  bytes.pop_back();
  EXPECT_EQ(loading_with(train_images, bytes),
            start + "train-images-idx3-ubyte: ends within the 180 bytes that must follow its byte 16 (cut short?)");
  bytes = images;
  bytes.push_back(0);
  EXPECT_EQ(loading_with(train_images, bytes),
            start + "train-images-idx3-ubyte: goes on after its byte 196, where it must end");
  EXPECT_EQ(loading_with(train_images, gzip(bytes)),
            start + "train-images-idx3-ubyte: goes on after its byte 196, where it must end");
}

TEST_F(MnistTest, DamagedGzipIsNamed) {
  const std::string name = start + "train-images-idx3-ubyte: ";
  const Bytes good = gzip(images);
  Bytes bytes = good;
  bytes.resize(bytes.size() - 9);
  EXPECT_EQ(loading_with(train_images, bytes), name + "the gzip stream is cut short");
  bytes = good;
  bytes.resize(bytes.size() - 1);
  EXPECT_EQ(loading_with(train_images, bytes), name + "the gzip stream is cut short")
      << "all data are there, the checksum is not";
  bytes = good;
  bytes[bytes.size() - 7] ^= 1;
  EXPECT_EQ(loading_with(train_images, bytes), name + "the gzip stream is damaged (incorrect data check)");
  bytes = good;
  bytes[3] = 0xff;
  EXPECT_EQ(loading_with(train_images, bytes), name + "the gzip stream is damaged (unknown header flags set)");
  bytes = good;
  bytes.insert(bytes.end(), {'j', 'u', 'n', 'k'});
  EXPECT_EQ(loading_with(train_images, bytes), name + "4 bytes stand behind the end of the gzip stream");
}

// A few thousand bytes that unpack to 4 GB are unpacked no further than the header goes; and a header that promises
// more than so few bytes can hold gets no memory.
TEST_F(MnistTest, DecompressionBombsCostNothing) {
  Bytes bytes = images;
  bytes.resize(images.size() + (20u << 20));
  EXPECT_EQ(loading_with(train_images, gzip(bytes)),
            start + "train-images-idx3-ubyte: goes on after its byte 196, where it must end");
  EXPECT_EQ(
      loading_with(train_images, gzip(idx(2051, {100'000'000, 1024, 1024}, pattern(180)))),
      start +
          "train-images-idx3-ubyte: ends within the 104857600000000 bytes that must follow its byte 16 (cut short?)");
}

}  // namespace
}  // namespace mvmoe
