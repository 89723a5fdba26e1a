// train/data/glyphs.cpp: letters and digits from free fonts, embedded in the program (made by tools/glyphs).
//
// One gzip stream: a line of JSON that gives side, classes, numbers of images and bits a pixel; the pixels of all
// training images, their labels, a byte each; then the same of the test images. With 4 bits, two pixels share a
// byte, the left one in its high half, and level v means v * 17.
#include <cmath>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/files.h"
#include "engine/json.h"
#include "train/data/byte_source.h"
#include "train/data/readers.h"

// train/data/glyphs_embed.S
extern "C" const unsigned char mvmoe_glyphs_begin[], mvmoe_glyphs_end[];

namespace mvmoe {
namespace {

using Json = nlohmann::json;

struct Header {
  int side, bits, train, test;
  std::vector<std::string> classes;
};

Header parse_header(const std::string& name, const std::string& line) {
  try {
    const Json json = parse_json(name + ": its first line", line);
    if (json.at("format") != "mvmoe-glyphs" || json.at("version") != 1)
      fail(name, ": is not of format mvmoe-glyphs, version 1");
    const auto number = [&](const char* key, int smallest, int largest) {
      if (!json.at(key).is_number_integer() || json.at(key) < smallest || json.at(key) > largest)
        fail(name, ": ", key, " is ", json.at(key).dump(), ", must be ", smallest, " to ", largest);
      return json.at(key).get<int>();
    };
    Header h{.side = number("side", 1, 1024),
             .bits = number("bits", 4, 8),
             .train = number("train", 1, 100'000'000),
             .test = number("test", 1, 100'000'000),
             .classes = json.at("classes").get<std::vector<std::string>>()};
    if (h.bits != 4 && h.bits != 8) fail(name, ": bits is ", h.bits, ", must be 4 or 8");
    if (h.bits == 4 && h.side % 2 != 0)
      fail(name, ": side is ", h.side, ", must be even where two pixels share a byte");
    if (h.classes.empty() || h.classes.size() > 256)
      fail(name, ": holds ", h.classes.size(), " classes, must hold 1 to 256");
    return h;
  } catch (const Json::exception&) {
    fail(name, ": its first line is not the JSON header that it must be");
  }
}

ImageSet read_set(ByteSource& source, const std::string& name, const Header& h, const char* part, int count) {
  ImageSet set{.channels = 1, .side = h.side, .pixels = {}, .labels = {}};
  const std::size_t pixels = static_cast<std::size_t>(count) * static_cast<std::size_t>(h.side * h.side);
  set.pixels = source.take(h.bits == 8 ? pixels : pixels / 2);
  if (h.bits == 4) {
    // In place, so from the last byte to the first.
    set.pixels.resize(pixels);
    for (std::size_t i = pixels / 2; i-- > 0;) {
      const unsigned two = set.pixels[i];
      set.pixels[2 * i] = static_cast<std::uint8_t>((two >> 4) * 17);
      set.pixels[2 * i + 1] = static_cast<std::uint8_t>((two & 15) * 17);
    }
  }
  const std::vector<std::uint8_t> labels = source.take(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (labels[i] >= h.classes.size())
      fail(name, ": label ", int{labels[i]}, " of ", part, " image ", i, " is out of range, must be below ",
           h.classes.size());
  set.labels.assign(labels.begin(), labels.end());
  return set;
}

void measure(const std::string& name, DataSet& data) {
  std::array<std::uint64_t, 256> count{};  // integers: the result does not depend on the order
  for (const std::uint8_t pixel : data.train.pixels) ++count[pixel];
  const double n = static_cast<double>(data.train.pixels.size());
  double mean = 0, variance = 0;
  for (std::size_t v = 0; v < 256; ++v) mean += static_cast<double>(count[v]) / n * static_cast<double>(v) / 255;
  for (std::size_t v = 0; v < 256; ++v)
    variance += static_cast<double>(count[v]) / n * std::pow(static_cast<double>(v) / 255 - mean, 2);
  if (!(variance > 1e-12)) fail(name, ": all training pixels are equal");
  data.mean.fill(static_cast<float>(mean));
  data.std.fill(static_cast<float>(std::sqrt(variance)));
}

}  // namespace

DataSet parse_glyphs(const std::string& name, std::span<const std::uint8_t> bytes) {
  ByteSource source(name, bytes);
  const Header header = parse_header(name, source.take_until('\n', std::size_t{1} << 20));
  DataSet data;
  data.classes = header.classes;
  data.train = read_set(source, name, header, "training", header.train);
  data.test = read_set(source, name, header, "test", header.test);
  source.expect_end();
  measure(name, data);
  return data;
}

DataSet load_glyphs() {
  return parse_glyphs("glyphs", {mvmoe_glyphs_begin, static_cast<std::size_t>(mvmoe_glyphs_end - mvmoe_glyphs_begin)});
}

}  // namespace mvmoe
