#include "train/data/decode.h"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "engine/error.h"
#include "engine/files.h"
#include "train/data/decode_jpeg.h"

namespace {

// A few bytes of a PNG can unpack to gigabytes. So the memory that stb_image may take is limited by the size in the
// header. stb_image allocates with these two functions, which get only a number of bytes. So the limit is a
// thread-local variable.
thread_local std::size_t most_memory = 0;

// Zeroed, so that undecoded parts of a damaged file are black instead of old content of the memory.
void* take(std::size_t bytes) { return bytes <= most_memory ? std::calloc(bytes, 1) : nullptr; }
void* grow(void* memory, std::size_t bytes) { return bytes <= most_memory ? std::realloc(memory, bytes) : nullptr; }

}  // namespace

// The one place where stb_image is compiled: its decoders of PNG, BMP and GIF, from memory.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#define STBI_ONLY_BMP
#define STBI_ONLY_GIF
#define STBI_ONLY_PNG
#define STBI_NO_STDIO
#define STBI_MALLOC(bytes) take(bytes)
#define STBI_REALLOC(memory, bytes) grow(memory, bytes)
#define STBI_FREE(memory) std::free(memory)
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#include <stb/stb_image.h>
#pragma GCC diagnostic pop

namespace mvmoe {
namespace {

using Bytes = std::span<const std::uint8_t>;

std::uint32_t big_endian(Bytes bytes, std::size_t at, int count) {
  std::uint32_t value = 0;
  for (int i = 0; i < count; ++i) value = value << 8 | bytes[at + static_cast<std::size_t>(i)];
  return value;
}

// Returns width x height.
std::int64_t checked_size(std::int64_t width, std::int64_t height) {
  if (width < 1 || height < 1) fail("is ", width, " x ", height, " pixels");
  if (width > most_pixels || height > most_pixels || width * height > most_pixels)
    fail("is ", width, " x ", height, " pixels, must be at most ", most_pixels / 1'000'000, " million");
  return width * height;
}

constexpr std::uint8_t png_signature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};

bool is_png(Bytes bytes) {
  return bytes.size() >= sizeof png_signature && std::memcmp(bytes.data(), png_signature, sizeof png_signature) == 0;
}
bool is_jpeg(Bytes bytes) { return bytes.size() >= 3 && bytes[0] == 0xFF && bytes[1] == 0xD8 && bytes[2] == 0xFF; }

// Checks the chunks from IHDR to IEND: each must be complete and have the right checksum. (stb_image 2.27 checks none.)
// Returns the number of pixels.
std::int64_t check_png(Bytes bytes) {
  constexpr std::size_t around = 12;  // length, type, checksum
  bool first = true;
  std::int64_t pixels = 0;
  for (std::size_t at = sizeof png_signature;; first = false) {
    if (bytes.size() - at < around) fail("PNG is cut short");
    const std::size_t length = big_endian(bytes, at, 4);
    if (length > bytes.size() - at - around) fail("PNG is cut short");
    const auto type = bytes.subspan(at + 4, 4);
    const auto is = [&](const char* name) { return std::memcmp(type.data(), name, 4) == 0; };
    if (first) {
      if (!is("IHDR") || length != 13) fail("PNG does not begin with its header");
      pixels = checked_size(big_endian(bytes, at + 8, 4), big_endian(bytes, at + 12, 4));
    }
    if (crc32_of(bytes.subspan(at + 4, 4 + length)) != big_endian(bytes, at + 8 + length, 4))
      fail("PNG is damaged: the CRC of the chunk at byte ", at, " is not the stored one");
    if (is("IEND")) return pixels;
    // A capital letter marks a chunk that must not be skipped. An unknown one is refused here, because stb_image would
    // write its name into a buffer that all threads share.
    if ((type[0] & 0x20) == 0 && !is("IHDR") && !is("PLTE") && !is("IDAT"))
      fail("PNG has a chunk '", printable({reinterpret_cast<const char*>(type.data()), 4}), "', which is not known");
    at += around + length;
  }
}

// Checks the segments up to the first scan, and their sizes. Errors inside a scan are found by the decoder.
void check_jpeg(Bytes bytes) {
  bool framed = false;
  for (std::size_t at = 2;;) {
    while (at < bytes.size() && bytes[at] == 0xFF) ++at;  // any number of fill bytes
    if (at == 2) fail("JPEG is damaged at byte ", at);
    if (bytes.size() - at < 3) fail("JPEG is cut short");
    const int marker = bytes[at];
    const std::size_t length = big_endian(bytes, at + 1, 2);
    if (length < 2) fail("JPEG is damaged at byte ", at);
    if (length > bytes.size() - at - 1) fail("JPEG is cut short");
    const Bytes body = bytes.subspan(at + 3, length - 2);
    const bool frame = marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
    if (frame) {
      if (marker > 0xC2) fail("JPEG is lossless, hierarchical or arithmetic-coded, must be baseline or progressive");
      if (body.size() < 6) fail("JPEG is damaged at byte ", at);
      if (body[0] != 8) fail("JPEG has ", int{body[0]}, " bits a sample, must have 8");
      checked_size(big_endian(body, 3, 2), big_endian(body, 1, 2));
      framed = true;
    }
    if (marker == 0xDA) {
      if (!framed) fail("JPEG has no header before its first scan");
      return;
    }
    if (marker == 0xD9) fail("JPEG ends before its first scan");
    at += 1 + length;
    if (at < bytes.size() && bytes[at] != 0xFF) fail("JPEG is damaged at byte ", at);
  }
}

bool is_bmp(Bytes bytes) { return bytes.size() >= 26 && bytes[0] == 'B' && bytes[1] == 'M'; }
bool is_gif(Bytes bytes) {
  return bytes.size() >= 10 &&
         (std::memcmp(bytes.data(), "GIF87a", 6) == 0 || std::memcmp(bytes.data(), "GIF89a", 6) == 0);
}

std::int64_t little_endian(Bytes bytes, std::size_t at, int count) {
  std::uint32_t value = 0;
  for (int i = 0; i < count; ++i) value |= std::uint32_t{bytes[at + static_cast<std::size_t>(i)]} << (8 * i);
  return count == 4 ? static_cast<std::int32_t>(value) : static_cast<std::int64_t>(value);
}

// In an old header (12 bytes) the size is two numbers of 16 bits, in others two of 32. A negative height means that the
// rows go from the top down. stb_image would show missing rows of a short file as black, so all rows must be there.
// Returns the number of pixels.
std::int64_t check_bmp(Bytes bytes) {
  const std::int64_t header = little_endian(bytes, 14, 4);
  const bool old = header == 12;
  if (!old && (header < 40 || bytes.size() < 34)) fail("BMP is damaged or cut short");
  const std::int64_t width = old ? little_endian(bytes, 18, 2) : little_endian(bytes, 18, 4);
  const std::int64_t height = std::abs(old ? little_endian(bytes, 20, 2) : little_endian(bytes, 22, 4));
  const std::int64_t pixels = checked_size(width, height), bits = little_endian(bytes, old ? 24 : 28, 2);
  const std::int64_t compression = old ? 0 : little_endian(bytes, 30, 4);
  if (compression != 0 && compression != 3) fail("BMP is compressed, must not be");
  const std::int64_t row = (width * bits + 31) / 32 * 4, first = little_endian(bytes, 10, 4);
  if (first < 0 || first + row * height > static_cast<std::int64_t>(bytes.size())) fail("BMP is cut short");
  return pixels;
}

// Checks the blocks up to the end of the first frame. Returns the number of pixels.
std::int64_t check_gif(Bytes bytes) {
  const std::int64_t pixels = checked_size(little_endian(bytes, 6, 2), little_endian(bytes, 8, 2));
  std::size_t at = 10;
  const auto next = [&] {
    if (at >= bytes.size()) fail("GIF is cut short");
    return bytes[at++];
  };
  const auto skip = [&](std::size_t count) {
    if (bytes.size() - at < count) fail("GIF is cut short");
    at += count;
  };
  const auto skip_table = [&](int flags) {
    if (flags & 0x80) skip(std::size_t{3} << ((flags & 7) + 1));
  };
  const auto skip_blocks = [&] {
    for (int length = next(); length > 0; length = next()) skip(static_cast<std::size_t>(length));
  };
  const int flags = next();
  skip(2);  // background and aspect
  skip_table(flags);
  for (;;) {
    const int block = next();
    if (block == 0x3B) fail("GIF holds no frame");
    if (block == 0x21) {  // an extension
      next();
      skip_blocks();
    } else if (block == 0x2C) {
      skip(8);
      skip_table(next());
      next();  // the smallest code's bits
      skip_blocks();
      return pixels;
    } else {
      fail("GIF is damaged at byte ", at - 1);
    }
  }
}

// Decodes with stb_image; of a GIF the first frame. `kind`: for errors.
Image decode_by_stb(Bytes bytes, const char* kind, std::int64_t pixel_count) {
  // Twice the compressed data, because that buffer grows by doubling. Twice the pixels at four 16-bit numbers each, for
  // the same reason. And some memory for tables.
  most_memory = 2 * bytes.size() + 16 * static_cast<std::size_t>(pixel_count) + (std::size_t{16} << 20);
  int width = 0, height = 0, channels = 0;
  const std::unique_ptr<std::uint8_t, void (*)(void*)> pixels(
      stbi_load_from_memory(bytes.data(), static_cast<int>(bytes.size()), &width, &height, &channels, 3),
      stbi_image_free);
  if (!pixels) fail(kind, " is damaged or cut short (", stbi_failure_reason(), ")");
  const std::size_t size = static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3;
  return {.width = width, .height = height, .rgb = {pixels.get(), pixels.get() + size}};
}

// The kind of a picture that is not supported, by its first bytes; empty for any other file.
const char* unread_kind(Bytes bytes) {
  const auto at = [&](std::size_t place, const char* word) {
    const std::size_t length = std::strlen(word);
    return bytes.size() >= place + length && std::memcmp(bytes.data() + place, word, length) == 0;
  };
  if (at(0, "RIFF") && at(8, "WEBP")) return "a WebP";
  if (at(0, "II*") || (at(0, "MM") && at(3, "*"))) return "a TIFF";
  if (at(4, "ftypavif")) return "an AVIF";
  if (at(4, "ftyphei") || at(4, "ftypmif1")) return "a HEIC";
  return "";
}

}  // namespace

Image decode_image(Bytes bytes) {
  if (bytes.empty()) fail("is empty");
  if (bytes.size() > largest_image_file) fail("has ", bytes.size(), " bytes, must have at most ", largest_image_file);
  if (is_png(bytes)) return decode_by_stb(bytes, "PNG", check_png(bytes));
  if (is_bmp(bytes)) return decode_by_stb(bytes, "BMP", check_bmp(bytes));
  if (is_gif(bytes)) return decode_by_stb(bytes, "GIF", check_gif(bytes));
  if (const char* kind = unread_kind(bytes); *kind != '\0')
    fail("is ", kind, " file, which is not read: convert it to JPEG or PNG");
  if (!is_jpeg(bytes)) fail("is no JPEG, PNG, BMP or GIF");
  check_jpeg(bytes);
  return decode_jpeg(bytes);
}

Image read_image(const std::filesystem::path& path) {
  const std::vector<std::uint8_t> bytes = read_file(path, largest_image_file);
  try {
    return decode_image(bytes);
  } catch (const Error& e) {
    fail(printable(path.string()), ": ", e.what());
  }
}

}  // namespace mvmoe
