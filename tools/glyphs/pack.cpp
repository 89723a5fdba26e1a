// Writes the data file: one gzip stream with a line of JSON, then the pixels
// and labels of train, then those of test.
#include <zlib.h>

#include <fstream>
#include <stdexcept>

#include "glyphs.h"

namespace glyphs {
namespace {

void append_names(std::string& out, const char* key, const std::vector<std::string>& names) {
  out += std::string(",\"") + key + "\":[";
  for (std::size_t i = 0; i < names.size(); ++i) out += (i ? ",\"" : "\"") + names[i] + "\"";
  out += "]";
}

// Two pixels a byte, the left one in the high nibble.
void append_side(std::string& out, const Side& side) {
  for (const Image& image : side.images)
    for (int i = 0; i < kPixels; i += 2) out += static_cast<char>(image[i] << 4 | image[i + 1]);
  out.append(side.labels.begin(), side.labels.end());
}

std::string gzip(const std::string& plain, const std::string& path) {
  z_stream z{};
  // 15 + 16: the largest window, with a gzip header. zlib leaves name and
  // time out of it, so the same pixels give the same bytes.
  if (deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::runtime_error(path + ": zlib does not start");
  std::string packed(deflateBound(&z, plain.size()), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  z.avail_in = static_cast<uInt>(plain.size());
  z.next_out = reinterpret_cast<Bytef*>(packed.data());
  z.avail_out = static_cast<uInt>(packed.size());
  const int result = deflate(&z, Z_FINISH);
  packed.resize(z.total_out);
  deflateEnd(&z);
  if (result != Z_STREAM_END) throw std::runtime_error(path + ": zlib cannot compress it");
  return packed;
}

// Reads the file back the way a trainer would.
void verify(const std::string& path, const std::string& plain) {
  gzFile file = gzopen(path.c_str(), "rb");
  if (!file) throw std::runtime_error(path + ": cannot be read back");
  std::string back(plain.size() + 1, '\0');
  const int got = gzread(file, back.data(), static_cast<unsigned>(back.size()));
  gzclose(file);
  back.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  if (back != plain) throw std::runtime_error(path + ": reads back other bytes than written");
}

}  // namespace

std::size_t write_data(const std::string& path, const Side& train, const Side& test) {
  std::string plain = "{\"format\":\"mvmoe-glyphs\",\"version\":1,\"side\":" + std::to_string(kSide);
  std::vector<std::string> classes;
  for (char letter : kLetters) classes.emplace_back(1, letter);
  append_names(plain, "classes", classes);
  plain += ",\"train\":" + std::to_string(train.images.size());
  plain += ",\"test\":" + std::to_string(test.images.size());
  plain += ",\"bits\":4";
  append_names(plain, "families_train", train.families);
  append_names(plain, "families_test", test.families);
  plain += "}\n";
  append_side(plain, train);
  append_side(plain, test);

  const std::string packed = gzip(plain, path);
  std::ofstream out(path, std::ios::binary);
  out.write(packed.data(), static_cast<std::streamsize>(packed.size()));
  out.close();
  if (!out) throw std::runtime_error(path + ": cannot be written");
  verify(path, plain);
  return packed.size();
}

}  // namespace glyphs
