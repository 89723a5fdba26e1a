#include <cmath>
#include <set>

#include "tests/engine/helpers.h"
#include "tests/train/helpers.h"
#include "train/data/readers.h"

namespace mvmoe {
namespace {

using Bytes = std::vector<std::uint8_t>;

std::string header(const std::string& bits = "4", const std::string& side = "2", const std::string& train = "3",
                   const std::string& classes = R"(["a","B","7"])") {
  return R"({"format":"mvmoe-glyphs","version":1,"side":)" + side + R"(,"classes":)" + classes + R"(,"train":)" +
         train + R"(,"test":1,"bits":)" + bits + R"(,"families_train":["F"],"families_test":["G"]})" + "\n";
}

const Bytes four_bits{0x0f, 0x12, 0xff, 0x00, 0x34, 0x5a, 0, 2, 1, 0x80, 0x08, 2};

Bytes stream(const std::string& line, const Bytes& body) {
  Bytes plain = bytes_of(line);
  plain.insert(plain.end(), body.begin(), body.end());
  return gzip(plain);
}

std::string parsing(const Bytes& bytes) {
  return message_of([&] { parse_glyphs("g", bytes); });
}

TEST(Glyphs, FourBitsHoldTwoPixelsTheLeftOneHigh) {
  const DataSet data = parse_glyphs("g", stream(header(), four_bits));
  EXPECT_EQ(data.train.pixels, (Bytes{0, 255, 17, 34, 255, 255, 0, 0, 51, 68, 85, 170}));
  EXPECT_EQ(data.train.labels, (std::vector<int>{0, 2, 1}));
  EXPECT_EQ(data.test.pixels, (Bytes{136, 0, 0, 136}));
  EXPECT_EQ(data.test.labels, std::vector<int>{2});
  EXPECT_EQ(data.classes, (std::vector<std::string>{"a", "B", "7"}));
  EXPECT_EQ(data.train.channels, 1);
  EXPECT_EQ(data.train.side, 2);
  EXPECT_FALSE(data.flip);
  double sum = 0, squares = 0;
  for (const std::uint8_t p : data.train.pixels) {
    sum += p / 255.0;
    squares += p / 255.0 * p / 255.0;
  }
  for (std::size_t c = 0; c < 3; ++c) {
    EXPECT_NEAR(data.mean[c], sum / 12, 1e-6);
    EXPECT_NEAR(data.std[c], std::sqrt(squares / 12 - sum / 12 * sum / 12), 1e-6);
  }
}

TEST(Glyphs, EightBitsAreAsTheyStand) {
  const DataSet data =
      parse_glyphs("g", stream(header("8"), {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 2, 1, 250, 0, 3, 4, 1}));
  EXPECT_EQ(data.train.pixels, (Bytes{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}));
  EXPECT_EQ(data.test.pixels, (Bytes{250, 0, 3, 4}));
  EXPECT_EQ(data.test.labels, std::vector<int>{1});
}

TEST(Glyphs, DamagedHeaders) {
  const std::string no_header = "g: its first line is not the JSON header that it must be";
  EXPECT_EQ(parsing(stream("{\n", four_bits)), "g: its first line is not valid JSON at its byte 2");
  EXPECT_EQ(parsing(stream("[]\n", four_bits)), no_header);
  EXPECT_EQ(parsing(stream("{}\n", four_bits)), no_header);
  EXPECT_EQ(parsing(stream(header("4", "2", "3", "[1]"), four_bits)), no_header);
  EXPECT_EQ(parsing(stream(R"({"format":"mvmoe-glyphs","version":2})"
                           "\n",
                           four_bits)),
            "g: is not of format mvmoe-glyphs, version 1");
  EXPECT_EQ(parsing(stream(header("6"), four_bits)), "g: bits is 6, must be 4 or 8");
  EXPECT_EQ(parsing(stream(header("4", "3"), four_bits)), "g: side is 3, must be even where two pixels share a byte");
  EXPECT_EQ(parsing(stream(header("4", "-2"), four_bits)), "g: side is -2, must be 1 to 1024");
  EXPECT_EQ(parsing(stream(header("4", "2", "18446744073709551615"), four_bits)),
            "g: train is 18446744073709551615, must be 1 to 100000000");
  EXPECT_EQ(parsing(stream(header("4", "2", "\"3\""), four_bits)), "g: train is \"3\", must be 1 to 100000000");
  EXPECT_EQ(parsing(stream(header("4", "2", "3", "[]"), four_bits)), "g: holds 0 classes, must hold 1 to 256");
  EXPECT_EQ(parsing(stream(std::string(2'000'000, 'x'), {})), "g: its first line does not end within 1048576 bytes");
}

TEST(Glyphs, DamagedBodies) {
  const std::size_t at = header().size();
  Bytes body = four_bits;
  body[7] = 3;
  EXPECT_EQ(parsing(stream(header(), body)), "g: label 3 of training image 1 is out of range, must be below 3");
  body = four_bits;
  body[11] = 255;
  EXPECT_EQ(parsing(stream(header(), body)), "g: label 255 of test image 0 is out of range, must be below 3");
  body = four_bits;
  body.pop_back();
  EXPECT_EQ(parsing(stream(header(), body)),
            text("g: ends within the 1 bytes that must follow its byte ", at + 11, " (cut short?)"));
  body.assign(13, 0);
  EXPECT_EQ(parsing(stream(header(), body)), text("g: goes on after its byte ", at + 12, ", where it must end"));
  EXPECT_EQ(parsing(stream(header(), Bytes(12, 0))), "g: all training pixels are equal");
  EXPECT_EQ(parsing(stream(header("4", "1024", "100000000"), four_bits)),
            text("g: ends within the 52428800000000 bytes that must follow its byte ",
                 header("4", "1024", "100000000").size(), " (cut short?)"));
  Bytes cut = stream(header(), four_bits);
  cut.resize(cut.size() - 4);
  EXPECT_EQ(parsing(cut), "g: the gzip stream is cut short");
  EXPECT_EQ(parsing({}), "g: its first line does not end within 1048576 bytes");
}

// The set that is built in: letters and digits of 62 classes, each of them in both parts.
TEST(Glyphs, TheEmbeddedSet) {
  const DataSet data = load_dataset("glyphs");
  EXPECT_EQ(data.spec, "glyphs");
  EXPECT_EQ(data.classes.size(), 62u);
  EXPECT_EQ(std::set<std::string>(data.classes.begin(), data.classes.end()).size(), 62u);
  EXPECT_EQ(data.train.side, 32);
  EXPECT_EQ(data.test.side, 32);
  for (const ImageSet* set : {&data.train, &data.test}) {
    EXPECT_EQ(set->pixels.size(), static_cast<std::size_t>(set->size()) * 1024);
    EXPECT_EQ(std::set<int>(set->labels.begin(), set->labels.end()).size(), 62u);
  }
  EXPECT_GT(data.train.size(), data.test.size());
  EXPECT_TRUE(data.mean[0] > 0 && data.mean[0] < 1 && data.std[0] > 0 && data.std[0] < 1);
}

}  // namespace
}  // namespace mvmoe
