// Packs. Wrong but plausible, and what shows it: a file that depends on the threads; an index that is believed (every
// byte of it changed, the file cut at every length); images in another order or with others' labels.
#include "train/input/pack_write.h"

#include <atomic>
#include <thread>

#include "engine/files.h"
#include "tests/engine/helpers.h"
#include "train/data/damaged.h"
#include "train/data/encode.h"
#include "train/input/preprocess.h"

namespace mvmoe {
namespace {

namespace fs = std::filesystem;

// 3 classes, 40 training and 9 test images of sizes around 20; each has its number in every pixel's red.
struct Sample {
  Sample() {
    for (int i = 0; i < 49; ++i) {
      const fs::path path = folder / text(i < 40 ? "train/" : "val/", "abc"[i % 3], "/", i, ".png");
      fs::create_directories(path.parent_path());
      Image image{.width = 14 + i % 5, .height = 12 + i % 7, .rgb = {}};
      for (int p = 0; p < image.width * image.height; ++p)
        for (const int value : {i, 3 * (p % 50), 90}) image.rgb.push_back(static_cast<std::uint8_t>(value));
      put_file(path, encode_png(image.rgb.data(), image.width, image.height, 3));
    }
  }
  DataSet data(bool strict = false) const { return load_dataset("folder:" + folder.string(), strict); }
  TemporaryFolder folder;
};

TEST(Pack, RawHoldsTheImagesResized) {
  const Sample sample;
  const TemporaryFolder out;
  const DataSet data = sample.data();
  const PackResult result = write_pack(data, out / "pack", {.size = 13, .format = PackFormat::raw});
  EXPECT_EQ(result.images, 49);
  EXPECT_EQ(result.skipped, 0);
  EXPECT_EQ(result.bytes, fs::file_size(out / "pack"));
  const DataSet packed = load_dataset("pack:" + (out / "pack").string());
  EXPECT_EQ(packed.classes, data.classes);
  EXPECT_EQ(packed.train.labels, data.train.labels);
  EXPECT_EQ(packed.test.labels, data.test.labels);
  for (const auto part : {&DataSet::train, &DataSet::test})
    for (int i = 0; i < (data.*part).size(); ++i) {
      Image expected = (data.*part).read(i);
      if (std::min(expected.width, expected.height) > 13)
        expected = resize_short_side(expected, 13, Interpolation::bicubic);
      const Image image = (packed.*part).read(i);
      ASSERT_EQ(image.width, expected.width) << i;
      ASSERT_EQ(image.height, expected.height) << i;
      ASSERT_EQ(image.rgb, expected.rgb) << i;
    }
}

TEST(Pack, JpegIsNear) {
  const Sample sample;
  const TemporaryFolder out;
  const DataSet data = sample.data();
  write_pack(data, out / "pack", {.size = 64, .quality = 98});
  const Pack pack(out / "pack");
  EXPECT_EQ(pack.format(), PackFormat::jpeg);
  EXPECT_EQ(pack.training_images(), 40);
  for (int i = 0; i < 40; ++i) {
    const Image expected = data.train.read(i), image = pack.read(i);
    ASSERT_EQ(image.rgb.size(), expected.rgb.size());
    double off = 0;
    for (std::size_t p = 0; p < image.rgb.size(); ++p) off += std::abs(image.rgb[p] - expected.rgb[p]);
    EXPECT_LT(off / static_cast<double>(image.rgb.size()), 6) << i;
  }
}

TEST(Pack, BytesDoNotDependOnTheThreads) {
  const Sample sample;
  const TemporaryFolder out;
  for (const PackFormat format : {PackFormat::jpeg, PackFormat::raw}) {
    write_pack(sample.data(), out / "one", {.size = 10, .format = format, .threads = 1});
    for (const int threads : {2, 5}) {
      write_pack(sample.data(), out / "more", {.size = 10, .format = format, .threads = threads});
      EXPECT_EQ(read_file(out / "more"), read_file(out / "one")) << threads;
    }
  }
}

TEST(Pack, DamagedImagesAreLeftOut) {
  const Sample sample;
  const TemporaryFolder out;
  fs::resize_file(sample.folder / "train/a/0.png", 40);
  put_file(sample.folder / "val/b/40.png", "text");
  const DataSet data = sample.data();
  const PackResult result = write_pack(data, out / "pack", {.threads = 2});
  EXPECT_EQ(result.images, 47);
  EXPECT_EQ(result.skipped, 2);
  EXPECT_EQ(data.test.damaged->images(), 2);
  const Pack pack(out / "pack");
  EXPECT_EQ(pack.training_images(), 39);
  EXPECT_EQ(pack.images(), 47);
  EXPECT_EQ(message_of([&] { write_pack(sample.data(true), out / "strict", {}); }),
            sample.folder.string() + "/train/a/0.png: PNG is cut short (--strict)");
  EXPECT_EQ(out.entries(), 1) << "no file, whole or half";
}

TEST(Pack, StoppedLeavesTheOldFile) {
  const Sample sample;
  const TemporaryFolder out;
  put_file(out / "pack", "before");
  const PackResult result =
      write_pack(sample.data(), out / "pack", {.keep_on = [](int images) { return images < 20; }});
  EXPECT_FALSE(result.complete);
  EXPECT_EQ(read_file(out / "pack"), bytes_of("before"));
  EXPECT_EQ(out.entries(), 1);
}

std::string opened(const fs::path& path) {
  return message_of([&] { load_dataset("pack:" + path.string()); });
}

TEST(Pack, AnyDamageToTheIndexShowsBeforeTraining) {
  const Sample sample;
  const TemporaryFolder out;
  write_pack(sample.data(), out / "pack", {.size = 10});
  const std::vector<std::uint8_t> whole = read_file(out / "pack");
  std::uint64_t index = 0;
  for (std::size_t i = 0; i < 8; ++i) index |= std::uint64_t{whole[whole.size() - 32 + i]} << (8 * i);
  ASSERT_LT(index, whole.size());
  for (std::size_t i = 0; i < whole.size(); ++i) {
    if (i >= 8 && i < index) continue;  // images: below
    std::vector<std::uint8_t> bytes = whole;
    bytes[i] ^= 1;
    put_file(out / "bad", bytes);
    ASSERT_NE(opened(out / "bad"), "nothing was thrown") << "byte " << i << " of " << whole.size();
    if (i > index && i + 2000 < whole.size()) i += 6;
  }
  for (std::size_t size = 0; size < whole.size(); size += size < 100 || size + 300 > whole.size() ? 1 : 97) {
    put_file(out / "bad", std::span(whole).first(size));
    ASSERT_NE(opened(out / "bad"), "nothing was thrown") << "cut to " << size;
  }
  std::vector<std::uint8_t> longer = whole;
  longer.push_back(0);
  put_file(out / "bad", longer);
  EXPECT_EQ(opened(out / "bad"),
            (out / "bad").string() + ": this pack is damaged: does not end as a pack does: cut short?");
  EXPECT_EQ(opened(out / "no such"), (out / "no such").string() + ": No such file or directory (--data pack:FILE)");
  EXPECT_EQ(opened(out.path()), out.string() + ": is no file (--data pack:FILE)");
  put_file(out / "bad", "I am something else, of more than forty bytes.");
  EXPECT_EQ(opened(out / "bad"), (out / "bad").string() + ": is no pack: mvmoe pack makes one of a folder");
}

// The bytes of a pack with the checksum that its changed index would have.
std::vector<std::uint8_t> with_checksum(std::vector<std::uint8_t> bytes) {
  std::uint64_t index = 0;
  for (std::size_t i = 0; i < 8; ++i) index |= std::uint64_t{bytes[bytes.size() - 32 + i]} << (8 * i);
  const std::uint32_t crc = crc32_of(std::span(bytes).subspan(index, bytes.size() - 32 - index));
  for (std::size_t i = 0; i < 4; ++i) bytes[bytes.size() - 16 + i] = static_cast<std::uint8_t>(crc >> (8 * i));
  return bytes;
}

// An index whose checksum is right and whose records lie.
TEST(Pack, RecordsThatPointOutsideAreRefused) {
  const Sample sample;
  const TemporaryFolder out;
  for (const PackFormat format : {PackFormat::raw, PackFormat::jpeg}) {
    write_pack(sample.data(), out / "pack", {.size = 10, .format = format});
    const std::vector<std::uint8_t> whole = read_file(out / "pack");
    for (std::size_t field = 1; field < 32; ++field) {  // not the lowest byte, which 128 less may leave inside
      if (format == PackFormat::jpeg && (field == 1 || field == 8 || field >= 12))
        continue;  // a JPEG's size shows when it is read
      std::vector<std::uint8_t> bytes = whole;
      const std::size_t last_record = whole.size() - 32 - 32;
      bytes.at(last_record + field) ^= 0x80;
      put_file(out / "bad", with_checksum(bytes));
      const std::string said = opened(out / "bad");
      const bool checksum = field >= 12 && field < 16;  // looked at when the image is read
      const std::string expected =
          (out / "bad").string() + ": this pack is damaged: the record of image 48 makes no sense";
      EXPECT_EQ(said, checksum ? "nothing was thrown" : expected) << field;
    }
  }
}

// Who looks for another image of a class looks beside it.
TEST(Pack, ImagesOfAClassStandTogether) {
  const Sample sample;
  const TemporaryFolder out;
  write_pack(sample.data(), out / "pack", {.size = 10});
  std::vector<std::uint8_t> bytes = read_file(out / "pack");
  const std::size_t first_test_record = bytes.size() - 32 - 9 * 32, label = 24;
  ASSERT_EQ(bytes[first_test_record + label], 0) << "it follows a training image of a higher class";
  bytes[first_test_record + label] = 1;  // before one of class 0
  put_file(out / "bad", with_checksum(bytes));
  EXPECT_EQ(opened(out / "bad"),
            (out / "bad").string() + ": this pack is damaged: the record of image 41 makes no sense");
}

TEST(Pack, ADamagedImageIsFoundWhenRead) {
  const Sample sample;
  const TemporaryFolder out;
  write_pack(sample.data(), out / "pack", {.size = 10, .format = PackFormat::raw});
  std::vector<std::uint8_t> bytes = read_file(out / "pack");
  bytes[8 + 5] ^= 1;  // in the first image, which is of class a
  put_file(out / "pack", bytes);
  const Pack pack(out / "pack");
  const std::string wrong = (out / "pack").string() + ": image 0 (a): its CRC is not the stored one";
  EXPECT_EQ(message_of([&] { pack.read(0); }), wrong);
  EXPECT_EQ(message_of([&] { pack.verify(0); }), wrong);
  for (int i = 1; i < pack.images(); ++i) pack.verify(i);
  const DataSet data = load_dataset("pack:" + (out / "pack").string());
  const Image stand_in = image_or_stand_in(data.train, 0, 0);
  EXPECT_EQ(stand_in.rgb[0] % 3, 0) << "of its class";
  EXPECT_EQ(data.train.damaged->news("left out"), (std::vector<std::string>{wrong + ": left out"}));
}

TEST(Pack, ManyReadAtOnce) {
  const Sample sample;
  const TemporaryFolder out;
  write_pack(sample.data(), out / "pack", {.size = 10, .format = PackFormat::raw});
  const Pack pack(out / "pack");
  std::vector<Image> images;
  for (int i = 0; i < pack.images(); ++i) images.push_back(pack.read(i));
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int k = 0; k < 2000; ++k) {
        const int i = (k * (2 * t + 3)) % pack.images();
        wrong += pack.read(i).rgb != images[static_cast<std::size_t>(i)].rgb;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Pack, ThePlaceOfAPackDoesNotMatterItsImagesDo) {
  const Sample sample;
  const TemporaryFolder out;
  write_pack(sample.data(), out / "one", {.size = 10});
  fs::copy_file(out / "one", out / "two");
  write_pack(sample.data(), out / "other", {.size = 10, .quality = 50});
  const auto crc = [&](const char* name) { return crc32_of(load_dataset("pack:" + (out / name).string()).train); };
  EXPECT_EQ(crc("one"), crc("two"));
  EXPECT_NE(crc("one"), crc("other")) << "the same names and sizes, other pixels";
}

TEST(Pack, OnlyWhatIsReadWhenAskedIsPacked) {
  const TemporaryFolder out;
  EXPECT_EQ(message_of<UsageError>([&] { write_pack(load_dataset("glyphs"), out / "pack", {}); }),
            "--data: glyphs stands in few files already: a folder:DIR or fractals is packed");
  EXPECT_EQ(out.entries(), 0);
}

}  // namespace
}  // namespace mvmoe
