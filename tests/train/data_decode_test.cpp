// Images from outside. Wrong but plausible, and what shows it: alpha blended, CMYK not inverted, an orientation obeyed,
// the low byte of 16 bits (golden colours by Pillow); half an image that passes for a whole one (cut at every byte); a
// changed byte that nobody sees (PNG: every byte; JPEG: at least no crash and the same colours each time); memory taken
// before the size is looked at.
#include "train/data/decode.h"

#include <zlib.h>
#include <algorithm>

#include "engine/files.h"
#include "tests/ops/op_test.h"
#include "train/data/encode.h"

namespace mvmoe {
namespace {

const std::string folder = "tests/golden/images/";
const std::vector<std::string> pngs{"alpha.png",   "alpha16.png",   "colour.png",     "colour16.png",
                                    "grey.png",    "grey16.png",    "grey_alpha.png", "grey_alpha16.png",
                                    "one_bit.png", "one_pixel.png", "palette.png",    "palette_transparent.png"};
const std::vector<std::string> jpegs{"cmyk.jpg", "cmyk_unmarked.jpg", "colour.jpg",  "full_colour.jpg",
                                     "grey.jpg", "progressive.jpg",   "rotated.jpg", "ycck.jpg"};

const std::vector<std::string> bmps{"colour.bmp", "grey.bmp", "palette.bmp", "top_down.bmp"};
const std::vector<std::string> gifs{"palette.gif", "interlaced.gif", "two_frames.gif"};

std::vector<std::uint8_t> file(const std::string& name) { return read_file(folder + name); }
std::string message(const std::vector<std::uint8_t>& bytes) {
  return message_of([&] { decode_image(bytes); });
}

void expect_colours(const std::string& name, double tolerance) {
  const Golden golden(folder + "expected.safetensors");
  Bench bench;
  const Tensor expected = golden.read(bench, name);  // [height, width, 3]
  const Image image = decode_image(file(name));
  ASSERT_EQ(image.height, expected.shape()[0]) << name;
  ASSERT_EQ(image.width, expected.shape()[1]) << name;
  ASSERT_EQ(image.rgb.size(), expected.size()) << name;
  for (std::size_t i = 0; i < expected.size(); ++i)
    ASSERT_NEAR(image.rgb[i], expected[i], tolerance) << name << ", number " << i;
}

TEST(Decode, PngsHavePillowsColours) {
  for (const std::string& name : pngs) expect_colours(name, 0);
}

TEST(Decode, BmpsAndGifsHavePillowsColours) {
  for (const auto& names : {bmps, gifs})
    for (const std::string& name : names) expect_colours(name, 0);
}

// libjpeg-turbo is Pillow's too.
TEST(Decode, JpegsHavePillowsColours) {
  for (const std::string& name : jpegs) expect_colours(name, 0);
}

TEST(Decode, AnImageThatIsCutAnywhereIsAnError) {
  for (const auto& names : {pngs, jpegs, bmps})
    for (const std::string& name : names) {
      std::vector<std::uint8_t> bytes = file(name);
      while (!bytes.empty()) {
        bytes.pop_back();
        ASSERT_NE(message(bytes), "nothing was thrown") << name << " cut to " << bytes.size();
      }
    }
}

// What stands behind the first frame is not read.
TEST(Decode, AGifThatIsCutInItsFirstFrameIsAnError) {
  for (const std::string& name : gifs) {
    std::vector<std::uint8_t> bytes = file(name);
    const std::vector<std::uint8_t> whole = decode_image(bytes).rgb;
    std::size_t shorter = 0;
    for (; message(bytes) == "nothing was thrown"; ++shorter) {
      ASSERT_EQ(decode_image(bytes).rgb, whole) << name << " cut to " << bytes.size();
      bytes.pop_back();
    }
    EXPECT_GT(shorter, 0u) << name;
    EXPECT_GT(bytes.size(), 100u) << name << ": the first frame begins there";
    for (; !bytes.empty(); bytes.pop_back())
      ASSERT_NE(message(bytes), "nothing was thrown") << name << " cut to " << bytes.size();
  }
}

TEST(Decode, AnyChangedByteOfAPngIsAnError) {
  for (const std::string& name : pngs) {
    const std::vector<std::uint8_t> whole = file(name);
    for (std::size_t i = 0; i < whole.size(); ++i) {
      std::vector<std::uint8_t> bytes = whole;
      bytes[i] ^= 0x10;
      ASSERT_NE(message(bytes), "nothing was thrown") << name << ", byte " << i;
    }
  }
}

TEST(Decode, AChangedByteOfAJpegGivesAnErrorOrTheSameColoursEachTime) {
  for (const std::string& name : {std::string("colour.jpg"), std::string("progressive.jpg")}) {
    const std::vector<std::uint8_t> whole = file(name);
    for (std::size_t i = 0; i < whole.size(); ++i) {
      std::vector<std::uint8_t> bytes = whole;
      bytes[i] ^= 0x5A;
      Image first, second;
      if (message_of([&] { first = decode_image(bytes); }) != "nothing was thrown" || first.rgb.size() > 1'000'000)
        continue;
      const std::vector<std::uint8_t> other(first.rgb.size() * 2, 0xAB);  // what memory held is not in the picture
      second = decode_image(bytes);
      ASSERT_EQ(first.rgb, second.rgb) << name << ", byte " << i << other.size();
    }
  }
}

TEST(Decode, APictureOfAKindThatIsNotReadIsNamed) {
  const auto message_for = [](std::string_view bytes) { return message({bytes.begin(), bytes.end()}); };
  const std::string way = " file, which is not read: convert it to JPEG or PNG";
  EXPECT_EQ(message_for(std::string_view("RIFF\x24\0\0\0WEBPVP8 ", 16)), "is a WebP" + way);
  EXPECT_EQ(message_for(std::string_view("II*\0\x08\0\0\0", 8)), "is a TIFF" + way);
  EXPECT_EQ(message_for(std::string_view("\0\0\0\x1c"
                                         "ftypavif",
                                         12)),
            "is an AVIF" + way);
  EXPECT_EQ(message_for(std::string_view("\0\0\0\x18"
                                         "ftypheic",
                                         12)),
            "is a HEIC" + way);
}

TEST(Decode, TheBytesSayWhatAnImageIsAndNotTheName) {
  const TemporaryFolder temporary;
  std::filesystem::copy_file(folder + "colour.png", temporary / "named.jpg");
  EXPECT_EQ(read_image(temporary / "named.jpg").rgb, decode_image(file("colour.png")).rgb);
  put_file(temporary / "text.jpg", "I am no picture");
  EXPECT_EQ(message_of([&] { read_image(temporary / "text.jpg"); }),
            temporary.string() + "/text.jpg: is no JPEG, PNG, BMP or GIF");
  put_file(temporary / "empty.png", "");
  EXPECT_EQ(message_of([&] { read_image(temporary / "empty.png"); }), temporary.string() + "/empty.png: is empty");
  EXPECT_EQ(message_of([&] { read_image(temporary / "gone.png"); }),
            temporary.string() + "/gone.png: No such file or directory");
  std::filesystem::create_directory(temporary / "folder.jpg");
  EXPECT_EQ(message_of([&] { read_image(temporary / "folder.jpg"); }),
            temporary.string() + "/folder.jpg: Is a directory");
}

// A file of a few bytes that says it is huge is refused by its header.
TEST(Decode, SizesBeyondTheLimitAreRefusedByTheHeader) {
  std::vector<std::uint8_t> png = file("colour.png");
  const auto set = [&](std::size_t at, std::uint32_t value) {
    for (int i = 0; i < 4; ++i)
      png[at + static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
  };
  const auto sized = [&](std::uint32_t width, std::uint32_t height) {
    set(16, width), set(20, height);
    set(29, crc32_of(std::span(png).subspan(12, 17)));
    return message(png);
  };
  EXPECT_EQ(sized(20000, 20000), "is 20000 x 20000 pixels, must be at most 100 million");
  EXPECT_EQ(sized(100'000'001, 1), "is 100000001 x 1 pixels, must be at most 100 million");
  EXPECT_EQ(sized(0xFFFFFFFF, 0xFFFFFFFF), "is 4294967295 x 4294967295 pixels, must be at most 100 million");
  EXPECT_EQ(sized(0, 5), "is 0 x 5 pixels");
  std::vector<std::uint8_t> jpeg = file("colour.jpg");
  const std::uint8_t frame[] = {0xFF, 0xC0};
  const auto at = std::search(jpeg.begin(), jpeg.end(), std::begin(frame), std::end(frame));
  ASSERT_NE(at, jpeg.end());
  at[5] = at[7] = 20000 >> 8, at[6] = at[8] = 20000 & 255;
  EXPECT_EQ(message(jpeg), "is 20000 x 20000 pixels, must be at most 100 million");
  at[4] = 12;
  EXPECT_EQ(message(jpeg), "JPEG has 12 bits a sample, must have 8");
  at[1] = 0xC9;
  std::vector<std::uint8_t> bmp = file("colour.bmp"), gif = file("palette.gif");
  bmp[20] = bmp[24] = 1, bmp[21] = bmp[25] = 0;  // + 65,536
  EXPECT_EQ(message(bmp), "is 65557 x 65550 pixels, must be at most 100 million");
  gif[6] = gif[7] = gif[8] = gif[9] = 0xFF;
  EXPECT_EQ(message(gif), "is 65535 x 65535 pixels, must be at most 100 million");
  EXPECT_EQ(message(jpeg), "JPEG is lossless, hierarchical or arithmetic-coded, must be baseline or progressive");
}

// 21 x 14 pixels whose compressed bytes unpack to 64 MB of zeros: memory follows from the header, not from them.
TEST(Decode, APngThatUnpacksToTooMuchIsAnError) {
  const std::string zeros(1 << 20, '\0');
  std::vector<std::uint8_t> packed(1 << 20);
  z_stream stream{};
  deflateInit(&stream, 9);
  stream.next_out = packed.data(), stream.avail_out = static_cast<uInt>(packed.size());
  for (int i = 0; i < 64; ++i) {
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(zeros.data())),
    stream.avail_in = static_cast<uInt>(zeros.size());
    deflate(&stream, i == 63 ? Z_FINISH : Z_NO_FLUSH);
  }
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  std::vector<std::uint8_t> png = file("colour.png");
  png.resize(33);  // signature and header
  const auto put = [&](const char* type, const std::vector<std::uint8_t>& body) {
    const auto number = [&](std::uint32_t n) {
      for (int i = 24; i >= 0; i -= 8) png.push_back(static_cast<std::uint8_t>(n >> i));
    };
    number(static_cast<std::uint32_t>(body.size()));
    const std::size_t begin = png.size();
    png.insert(png.end(), type, type + 4);
    png.insert(png.end(), body.begin(), body.end());
    number(crc32_of(std::span(png).subspan(begin)));
  };
  put("IDAT", packed);
  put("IEND", {});
  EXPECT_EQ(message(png), "PNG is damaged or cut short (outofmem)");
}

// A Huffman table of more codes than there are, in every table of the file: before the first scan and between the
// scans.
TEST(Decode, NoHuffmanTableHasMoreThan256Codes) {
  int tables = 0, after_a_scan = 0;
  for (const char* name : {"colour.jpg", "progressive.jpg"}) {
    const std::vector<std::uint8_t> good = file(name);
    bool scanned = false;
    for (std::size_t at = 0; at + 22 < good.size(); ++at) {
      if (good[at] != 0xFF) continue;
      scanned = scanned || good[at + 1] == 0xDA;
      if (good[at + 1] != 0xC4) continue;
      std::vector<std::uint8_t> bad = good;
      std::fill_n(bad.begin() + static_cast<std::ptrdiff_t>(at) + 5, 16, std::uint8_t{255});
      EXPECT_EQ(message(bad).find("JPEG is damaged or cut short (Bogus Huffman table"), 0u) << message(bad);
      ++tables, after_a_scan += scanned;
    }
  }
  EXPECT_GE(tables, 4);
  EXPECT_GE(after_a_scan, 1);
}

TEST(Decode, WhatIsEncodedComesBack) {
  Image image{.width = 40, .height = 30, .rgb = {}};
  for (int y = 0; y < 30; ++y)
    for (int x = 0; x < 40; ++x)
      for (const int value : {6 * x, 8 * y, 120}) image.rgb.push_back(static_cast<std::uint8_t>(value));
  EXPECT_EQ(decode_image(encode_png(image.rgb.data(), 40, 30, 3)).rgb, image.rgb);
  for (const int quality : {91, 90}) {
    const Image again = decode_image(encode_jpeg(image, quality));
    ASSERT_EQ(again.rgb.size(), image.rgb.size());
    for (std::size_t i = 0; i < image.rgb.size(); ++i)
      ASSERT_NEAR(again.rgb[i], image.rgb[i], 12) << quality << ", " << i;
  }
  EXPECT_LT(encode_jpeg(image, 20).size(), encode_jpeg(image, 95).size());
}

}  // namespace
}  // namespace mvmoe
