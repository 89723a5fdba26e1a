#include "engine/safetensors.h"

#include <sys/mman.h>

#include <cmath>
#include <cstring>
#include <iomanip>
#include <limits>
#include <span>
#include <sstream>

#include "engine/files.h"
#include "engine/random.h"
#include "tests/engine/helpers.h"

namespace mvmoe {
namespace {

// A file as somebody else may write it: the header as given, then `data` bytes 0, 1, 2, ...
std::vector<std::uint8_t> raw(const std::string& header, std::size_t data) {
  const std::uint64_t length = header.size();
  std::vector<std::uint8_t> out(8 + header.size() + data);
  std::memcpy(out.data(), &length, 8);
  std::memcpy(out.data() + 8, header.data(), header.size());
  for (std::size_t i = 0; i < data; ++i) out[8 + header.size() + i] = static_cast<std::uint8_t>(i);
  return out;
}

struct SafetensorsTest : testing::Test {
  TemporaryFolder folder;
  const std::filesystem::path path = folder / "w.safetensors";
  const std::string start = path.string() + ": ";

  std::string opening(const std::vector<std::uint8_t>& bytes) {
    write_file(path, bytes);
    return message_of([&] { SafetensorsFile file(path); });
  }
  std::string opening(const std::string& header, std::size_t data) { return opening(raw(header, data)); }

  std::vector<std::uint8_t> small_file() {
    std::vector<float> a{1, -2, 3, 4, 5, 6}, b{7};
    write_safetensors(path, {{"a.weight", Tensor(a.data(), {2, 3})}, {"b", Tensor(b.data(), {1})}}, {{"format", "pt"}});
    return read_file(path);
  }
};

TEST_F(SafetensorsTest, WhatIsWrittenIsRead) {
  std::vector<float> a{1, -0.0f, std::numeric_limits<float>::quiet_NaN(), 4e-42f, 5e30f, 6}, b{7, 8, 9, 10}, none{0};
  const std::vector<NamedTensor> tensors{{"z.first", Tensor(a.data(), {2, 3})},
                                         {"a.second", Tensor(b.data(), {1, 2, 2, 1})},
                                         {"empty", Tensor(none.data(), {0, 4})}};
  write_safetensors(path, tensors, {{"format", "pt"}, {"config", R"({"depth": 12})"}});
  const SafetensorsFile file(path);
  ASSERT_EQ(file.entries().size(), 3u);
  EXPECT_EQ(file.entries()[0].name, "z.first");
  EXPECT_EQ(file.entries()[1].shape, (Shape{1, 2, 2, 1}));
  EXPECT_EQ(file.metadata(), (Metadata{{"format", "pt"}, {"config", R"({"depth": 12})"}}));
  EXPECT_EQ(file.verify(), 3);
  std::vector<float> back(6);
  file.read("z.first", Tensor(back.data(), {2, 3}));
  EXPECT_EQ(std::memcmp(back.data(), a.data(), 24), 0);
  file.read("a.second", Tensor(back.data(), {1, 2, 2, 1}));
  EXPECT_EQ(std::memcmp(back.data(), b.data(), 16), 0);
  file.read("empty", Tensor(none.data(), {0, 4}));
}

TEST_F(SafetensorsTest, TheSameInputGivesTheSameBytesWithDataOn64) {
  const std::vector<std::uint8_t> first = small_file(), second = small_file();
  EXPECT_EQ(first, second);
  std::uint64_t length = 0;
  std::memcpy(&length, first.data(), 8);
  EXPECT_EQ((8 + length) % 64, 0u);
  EXPECT_EQ(first.size(), 8 + length + 28);
  EXPECT_EQ(first[8], '{');
}

TEST_F(SafetensorsTest, OneTensorAtATimeGivesTheSameBytes) {
  std::vector<float> a{1, -2, 3, 4, 5, 6}, b{7};
  const std::vector<std::uint8_t> together = small_file();
  std::vector<float> memory(6);
  std::vector<std::size_t> asked;
  write_safetensors(path, {{"a.weight", {2, 3}}, {"b", {1}}},
                    [&](std::size_t i) {
                      asked.push_back(i);
                      const std::vector<float>& from = i == 0 ? a : b;
                      std::copy(from.begin(), from.end(), memory.begin());  // the one before is gone
                      return Tensor(memory.data(), i == 0 ? Shape{2, 3} : Shape{1});
                    },
                    {{"format", "pt"}});
  EXPECT_EQ(read_file(path), together);
  EXPECT_EQ(asked, (std::vector<std::size_t>{0, 1}));
  EXPECT_EQ(message_of([&] {
              write_safetensors(path, {{"b", {2}}}, [&](std::size_t) { return Tensor(b.data(), {1}); }, {});
            }),
            start + "tensor 'b' is [1], was announced as [2]");
  EXPECT_EQ(read_file(path), together) << "the old file stays";
}

TEST_F(SafetensorsTest, MetadataMayHoldAnyText) {
  const std::string odd = "quote \" backslash \\ line\n tab\t null" + std::string(1, '\0') + " Grüße 猫 {\"a\":[1]}";
  std::vector<float> a{1};
  const std::string name = "Grüße \"猫\"\n";
  write_safetensors(path, {{name, Tensor(a.data(), {1})}},
                    {{odd, odd},
                     {"broken",
                      "a\xff"
                      "b"}});
  const SafetensorsFile file(path);
  EXPECT_EQ(file.metadata().at(odd), odd);
  EXPECT_EQ(file.metadata().at("broken"),
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_NE(file.find(name), nullptr);
  EXPECT_EQ(file.verify(), 1);
}

TEST_F(SafetensorsTest, RefusesToWriteWhatCouldNotBeRead) {
  std::vector<float> a{1, 2};
  const Tensor t(a.data(), {2});
  EXPECT_EQ(message_of([&] {
              write_safetensors(path, {{"a", t}, {"a", t}}, {});
            }),
            start + "tensor 'a' is given twice");
  EXPECT_EQ(message_of([&] {
              write_safetensors(path, {{"__metadata__", t}}, {});
            }),
            start + "a tensor cannot be named __metadata__");
  EXPECT_EQ(message_of([&] {
              write_safetensors(path, {{"a\xff", t}}, {});
            }),
            start + "tensor 'a\\xff' cannot be written: its name is not UTF-8");
  EXPECT_EQ(message_of([&] { write_safetensors(path, {{"a", Tensor{}}}, {}); }), start + "tensor 'a' has no axes");
  EXPECT_EQ(folder.entries(), 0);
}

TEST_F(SafetensorsTest, OtherFloatsAreConverted) {
  // F16: 1, -2, largest, smallest, largest subnormal, infinity, NaN, -0; BF16: 1, -2, 3.140625, infinity; F64: 0.1,
  // 1e300
  const std::uint16_t half[] = {0x3C00, 0xC000, 0x7BFF, 0x0001, 0x03FF, 0x7C00, 0x7E00, 0x8000},
                      brain[] = {0x3F80, 0xC000, 0x4049, 0x7F80};
  const double wide[] = {0.1, 1e300};
  std::vector<std::uint8_t> bytes = raw(
      R"({"h":{"dtype":"F16","shape":[8],"data_offsets":[0,16]},"b":{"dtype":"BF16","shape":[2,2],"data_offsets":[16,24]},)"
      R"("d":{"dtype":"F64","shape":[2],"data_offsets":[24,40]}})",
      40);
  std::uint8_t* data = bytes.data() + bytes.size() - 40;
  std::memcpy(data, half, 16);
  std::memcpy(data + 16, brain, 8);
  std::memcpy(data + 24, wide, 16);
  write_file(path, bytes);
  const SafetensorsFile file(path);
  EXPECT_EQ(file.verify(), 0) << "no checksums, and none are needed";
  float h[8], b[4], d[2];
  file.read("h", Tensor(h, {8}));
  file.read("b", Tensor(b, {2, 2}));
  file.read("d", Tensor(d, {2}));
  const float infinity = std::numeric_limits<float>::infinity();
  const float expected[] = {1, -2, 65504, 0x1p-24f, 0x3FFp-24f, infinity};
  for (int i = 0; i < 6; ++i) EXPECT_EQ(h[i], expected[i]) << i;
  EXPECT_TRUE(std::isnan(h[6]));
  EXPECT_TRUE(h[7] == 0 && std::signbit(h[7]));
  EXPECT_EQ(b[0], 1);
  EXPECT_EQ(b[1], -2);
  EXPECT_EQ(b[2], 3.140625f);
  EXPECT_EQ(b[3], infinity);
  EXPECT_EQ(d[0], 0.1f);
  EXPECT_EQ(d[1], infinity);
}

TEST_F(SafetensorsTest, WhatCannotBeReadMayStandInAFile) {
  write_file(
      path,
      raw(R"({"i":{"dtype":"I64","shape":[2],"data_offsets":[0,16]},"five":{"dtype":"F32","shape":[1,1,1,1,2],"data_offsets":[16,24]},)"
          R"("s":{"dtype":"F32","shape":[],"data_offsets":[24,28]},"long":{"dtype":"U8","shape":[0,4294967296],"data_offsets":[28,28]}})",
          28));
  const SafetensorsFile file(path);
  float out[8];
  EXPECT_EQ(message_of([&] { file.read("i", Tensor(out, {2})); }),
            start + "tensor 'i' is of dtype I64: F32, F16, BF16 and F64 can be read");
  EXPECT_EQ(message_of([&] { file.read("five", Tensor(out, {2})); }),
            start + "tensor 'five' is [1, 1, 1, 1, 2], must be [2]");
  EXPECT_EQ(message_of([&] { file.read("five", Tensor{}); }), start + "tensor 'five' is [1, 1, 1, 1, 2], must be []");
  EXPECT_EQ(file.find("five")->axes.size(), 5u);
  EXPECT_EQ(file.find("long")->shape.axes(), 0);
  file.read("s", Tensor(out, {1}));
  std::uint32_t bits = 0;
  std::memcpy(&bits, out, 4);
  EXPECT_EQ(bits, 0x1b1a1918u);
}

TEST_F(SafetensorsTest, ReadErrorsNameTensorAndShapes) {
  small_file();
  const SafetensorsFile file(path);
  float out[8];
  EXPECT_EQ(message_of([&] { file.read("c", Tensor(out, {1})); }), start + "has no tensor 'c'");
  EXPECT_EQ(message_of([&] {
              file.read("a.weight", Tensor(out, {3, 2}));
            }),
            start + "tensor 'a.weight' is [2, 3], must be [3, 2]");
}

TEST_F(SafetensorsTest, AFlippedBitIsCaught) {
  std::vector<std::uint8_t> bytes = small_file();
  bytes[bytes.size() - 28 + 5] ^= 0x10;
  write_file(path, bytes);
  const SafetensorsFile file(path);
  float out[6];
  const auto crc_of = [&](std::size_t first) { return crc32_of(std::span(bytes).subspan(first, 24)); };
  const std::uint32_t found = crc_of(bytes.size() - 28);
  bytes[bytes.size() - 28 + 5] ^= 0x10;
  std::ostringstream crcs;
  crcs << std::hex << std::setfill('0') << std::setw(8) << found << ", must be " << std::setw(8)
       << crc_of(bytes.size() - 28);
  const std::string message = start + "tensor 'a.weight' is damaged: its CRC-32 is " + crcs.str();
  EXPECT_EQ(message_of([&] { file.read("a.weight", Tensor(out, {2, 3})); }), message);
  EXPECT_EQ(message_of([&] { file.verify(); }), message);
  file.read("b", Tensor(out, {1}));
  EXPECT_EQ(out[0], 7);
}

TEST_F(SafetensorsTest, AFileThatShrinksIsAnError) {
  small_file();
  const SafetensorsFile file(path);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
  float out[1];
  EXPECT_EQ(message_of([&] { file.read("b", Tensor(out, {1})); }), start + "became shorter while it was read");
}

TEST_F(SafetensorsTest, DamagedFrames) {
  EXPECT_EQ(message_of([&] { SafetensorsFile file(path); }), start + "No such file or directory");
  EXPECT_EQ(message_of([&] { SafetensorsFile file(folder.path()); }), folder.string() + ": is not a regular file");
  EXPECT_EQ(opening(bytes_of("")), start + "has 0 bytes, a safetensors file has at least 10");
  EXPECT_EQ(opening(bytes_of("1234567")), start + "has 7 bytes, a safetensors file has at least 10");
  EXPECT_EQ(opening("", 8), start + "the header length is 0");
  EXPECT_EQ(
      opening(std::vector<std::uint8_t>(64, 0xff)),
      start + "the header length is 18446744073709551615, must be at most 100000000 (is this a safetensors file?)");
  std::vector<std::uint8_t> cut = raw("{}        ", 0);
  cut.pop_back();
  EXPECT_EQ(opening(cut), start + "the header length is 10, but the file has 17 bytes (cut short?)");
}

TEST_F(SafetensorsTest, DamagedJson) {
  EXPECT_EQ(opening("[1, 2]", 0), start + "the header is not a JSON object");
  EXPECT_EQ(opening("{\"a\":", 0), start + "the header is not valid JSON at its byte 6");
  EXPECT_EQ(opening("{} x", 0), start + "the header is not valid JSON at its byte 4");
  EXPECT_EQ(opening(std::string("{\"a\":\"\xff\"}"), 0), start + "the header is not valid JSON at its byte 7");
  EXPECT_EQ(opening("{\"a\":" + std::string(1'000'000, '['), 0), start + "the header is nested too deeply");
  EXPECT_EQ(
      opening(
          R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
          1),
      start + "the header names 'a' twice");
  EXPECT_EQ(opening(R"({"a":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}})", 1),
            start + "the header names 'dtype' twice");
  EXPECT_EQ(opening(R"({"a":5})", 0), start + "tensor 'a' has no dtype");
  EXPECT_EQ(opening(R"({"a":{"dtype":"F32","shape":[1]}})", 4), start + "tensor 'a' has no data_offsets");
  EXPECT_EQ(opening(R"({"a":{"dtype":4,"shape":[1],"data_offsets":[0,4]}})", 4),
            start + "tensor 'a': dtype is not a string");
  EXPECT_EQ(opening(R"({"__metadata__":[]})", 0), start + "__metadata__ is not a JSON object");
  EXPECT_EQ(opening(R"({"__metadata__":{"a":1}})", 0), start + "__metadata__ entry 'a' is not a string");
}

TEST_F(SafetensorsTest, DamagedEntries) {
  const auto entry = [&](const std::string& dtype, const std::string& shape, const std::string& offsets,
                         std::size_t data) {
    return opening(R"({"a\n":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}",
                   data);
  };
  EXPECT_EQ(entry("Q4", "[1]", "[0,1]", 1),
            start + "tensor 'a\\x0a' is of the unknown dtype 'Q4': F32, F16, BF16 and F64 can be read");
  EXPECT_EQ(entry("F32", "5", "[0,4]", 4), start + "tensor 'a\\x0a': shape is not a list");
  const std::string number = " holds something that is not a number of 0 or more";
  EXPECT_EQ(entry("F32", "[-1]", "[0,4]", 4), start + "tensor 'a\\x0a': shape" + number);
  EXPECT_EQ(entry("F32", "[1.0]", "[0,4]", 4), start + "tensor 'a\\x0a': shape" + number);
  EXPECT_EQ(entry("F32", "[18446744073709551616]", "[0,4]", 4), start + "tensor 'a\\x0a': shape" + number);
  EXPECT_EQ(entry("F32", "[4294967296,4294967296]", "[0,0]", 0),
            start + "tensor 'a\\x0a': shape [4294967296, 4294967296] is too large");
  EXPECT_EQ(entry("F32", "[1]", "[0]", 4), start + "tensor 'a\\x0a': data_offsets holds 1 numbers, must hold 2");
  EXPECT_EQ(entry("F32", "[1]", "[4,0]", 4), start + "tensor 'a\\x0a': data_offsets begin at 4 and end at 0");
  EXPECT_EQ(entry("F32", "[2]", "[0,4]", 4),
            start + "tensor 'a\\x0a': shape [2] of F32 needs 8 bytes, data_offsets give 4");
  EXPECT_EQ(entry("F32", "[2]", "[0,8]", 4),
            start + "tensor 'a\\x0a' ends at byte 8 of the data, the file has 4 (cut short?)");
  EXPECT_EQ(entry("F32", "[1]", "[0,4]", 5), start + "the tensors end at byte 4 of the data, the file has 5");
  EXPECT_EQ(entry("F32", "[1]", "[4,8]", 8), start + "bytes 0 to 4 of the data belong to no tensor");
  EXPECT_EQ(entry("F32", "[1]", "[18446744073709551612,18446744073709551615]", 8),
            start + "tensor 'a\\x0a': shape [1] of F32 needs 4 bytes, data_offsets give 3");
  EXPECT_EQ(opening("{}", 3), start + "the tensors end at byte 0 of the data, the file has 3");
}

TEST_F(SafetensorsTest, OverlapsAndHoles) {
  const auto two = [&](const std::string& a, const std::string& b, std::size_t data) {
    return opening(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":)" + a +
                       R"(},"b":{"dtype":"U8","shape":[2],"data_offsets":)" + b + "}}",
                   data);
  };
  EXPECT_EQ(two("[0,2]", "[2,4]", 4), "nothing was thrown");
  EXPECT_EQ(two("[2,4]", "[0,2]", 4), "nothing was thrown");
  EXPECT_EQ(two("[0,2]", "[1,3]", 3), start + "tensors 'a' and 'b' overlap");
  EXPECT_EQ(two("[0,2]", "[0,2]", 2), start + "tensors 'a' and 'b' overlap");
  EXPECT_EQ(two("[0,2]", "[3,5]", 5), start + "bytes 2 to 3 of the data belong to no tensor");
}

TEST_F(SafetensorsTest, DamagedChecksums) {
  const auto crc = [&](const std::string& text) {
    return opening(
        R"({"__metadata__":{"crc32":")" + text + R"("},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1);
  };
  EXPECT_EQ(crc(R"({\"a\":\"d202ef8d\"})"), "nothing was thrown");
  EXPECT_EQ(SafetensorsFile(path).verify(), 1);
  EXPECT_EQ(crc("nonsense"), start + "the metadata entry crc32 is not valid JSON at its byte 2");
  EXPECT_EQ(crc("[]"), start + "the metadata entry crc32 is not a JSON object");
  EXPECT_EQ(crc(R"({\"b\":\"d202ef8d\"})"),
            start + "the metadata entry crc32 names 'b', which is no tensor of this file");
  EXPECT_EQ(crc(R"({\"a\":\"d202ef8\"})"),
            start + "the metadata entry crc32 gives 'a' something that is not 8 hexadecimal digits");
  EXPECT_EQ(crc(R"({\"a\":\"d202efxx\"})"),
            start + "the metadata entry crc32 gives 'a' something that is not 8 hexadecimal digits");
  EXPECT_EQ(crc(R"({\"a\":7})"),
            start + "the metadata entry crc32 gives 'a' something that is not 8 hexadecimal digits");
}

// Whatever a file holds: it opens and reads, or one line says why not.
TEST_F(SafetensorsTest, RandomDamageNeverEscapesAsAnythingElse) {
  const std::vector<std::uint8_t> good = small_file();
  Random random(6, Place::test);
  int refused = 0;
  const int memory = memfd_create("damaged", 0);  // two thousand files on a disk would be most of the time
  ASSERT_GE(memory, 0);
  const std::string name = text("/proc/self/fd/", memory);
  for (int i = 0; i < 2000; ++i) {
    std::vector<std::uint8_t> bytes = good;
    if (i % 4 == 0) {
      bytes.resize(random.below(static_cast<std::uint32_t>(good.size())));
    } else {
      bytes[random.below(static_cast<std::uint32_t>(good.size()))] ^= static_cast<std::uint8_t>(1 + random.below(255));
    }
    ASSERT_EQ(ftruncate(memory, 0), 0);
    ASSERT_EQ(pwrite(memory, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
    try {
      const SafetensorsFile file(name);
      file.verify();
      for (const SafetensorsFile::Entry& e : file.entries()) {
        std::vector<float> into(e.shape.size());
        file.read(e.name, Tensor(into.data(), e.shape));
      }
    } catch (const Error& e) {
      const std::string what = e.what();
      ASSERT_EQ(what.rfind(name + ": ", 0), 0u) << what;
      ASSERT_EQ(what, printable(what)) << "one line, without control characters";
      ++refused;
    }
  }
  close(memory);
  EXPECT_GT(refused, 1500) << "most damage must be noticed";
}

}  // namespace
}  // namespace mvmoe
