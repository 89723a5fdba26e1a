#include "train/data/byte_source.h"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "engine/error.h"

namespace mvmoe {
namespace {

constexpr std::size_t largest_ratio = 1032;  // of deflate: the most that a stream can unpack to, over its size

bool begins_as_gzip(std::span<const std::uint8_t> bytes) {
  return bytes.size() >= 2 && bytes[0] == 0x1F && bytes[1] == 0x8B;
}

}  // namespace

struct ByteSource::Unpacker {
  z_stream stream{};
  bool ended = false;

  explicit Unpacker(const std::string& name) {
    if (inflateInit2(&stream, 15 + 16) != Z_OK) fail(name, ": zlib does not start");  // 16: gzip, with its checksum
  }
  ~Unpacker() { inflateEnd(&stream); }
};

ByteSource::ByteSource(std::string name, std::span<const std::uint8_t> packed)
    : name_(std::move(name)), packed_(packed) {
  if (!begins_as_gzip(packed)) return;
  unpacker_ = std::make_unique<Unpacker>(name_);
}

ByteSource::~ByteSource() = default;

std::size_t ByteSource::read(std::uint8_t* to, std::size_t bytes) {
  if (!unpacker_) {
    const std::size_t got = std::min(bytes, packed_.size());
    std::copy_n(packed_.begin(), got, to);
    packed_ = packed_.subspan(got);
    taken_ += got;
    return got;
  }
  z_stream& z = unpacker_->stream;
  std::size_t got = 0;
  while (got < bytes && !unpacker_->ended) {
    constexpr std::size_t most = std::numeric_limits<uInt>::max();
    const std::size_t in = std::min(packed_.size(), most), out = std::min(bytes - got, most);
    z.next_in = const_cast<Bytef*>(packed_.data());
    z.avail_in = static_cast<uInt>(in);
    z.next_out = to + got;
    z.avail_out = static_cast<uInt>(out);
    const int status = inflate(&z, Z_NO_FLUSH);
    packed_ = packed_.subspan(in - z.avail_in);
    got += out - z.avail_out;
    if (status == Z_STREAM_END) {
      // A gzip file may consist of several streams. Anything else after a stream is not read.
      unpacker_->ended = !begins_as_gzip(packed_);
      if (unpacker_->ended && !packed_.empty())
        fail(name_, ": ", packed_.size(), " bytes stand behind the end of the gzip stream");
      if (!unpacker_->ended) inflateReset(&z);
    } else if (status == Z_BUF_ERROR || (status == Z_OK && packed_.empty() && z.avail_out > 0)) {
      fail(name_, ": the gzip stream is cut short");
    } else if (status != Z_OK) {
      fail(name_, ": the gzip stream is damaged (", z.msg ? z.msg : "zlib gives no reason", ")");
    }
  }
  taken_ += got;
  return got;
}

void ByteSource::fail_short(std::size_t wanted) const {
  fail(name_, ": ends within the ", wanted, " bytes that must follow its byte ", taken_, " (cut short?)");
}

std::vector<std::uint8_t> ByteSource::take(std::size_t bytes) {
  const std::size_t left = packed_.size();
  // zlib may still hold a few bytes of output after it has read all input.
  const std::size_t most = unpacker_ ? left * largest_ratio + (std::size_t{1} << 16) : left;
  if (bytes > most) fail_short(bytes);
  std::vector<std::uint8_t> out(bytes);
  const std::size_t before = taken_;
  if (read(out.data(), bytes) != bytes) {
    taken_ = before;
    fail_short(bytes);
  }
  return out;
}

std::string ByteSource::take_until(char end, std::size_t limit) {
  std::string out;
  std::uint8_t byte = 0;
  while (read(&byte, 1) == 1) {
    if (static_cast<char>(byte) == end) return out;
    if (out.size() == limit) break;
    out += static_cast<char>(byte);
  }
  fail(name_, ": its first line does not end within ", limit, " bytes");
}

void ByteSource::expect_end() {
  std::uint8_t byte = 0;
  const std::size_t before = taken_;
  if (read(&byte, 1) != 0) fail(name_, ": goes on after its byte ", before, ", where it must end");
}

}  // namespace mvmoe
