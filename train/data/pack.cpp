#include "train/data/pack.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/files.h"
#include "engine/json.h"
#include "train/data/damaged.h"
#include "train/data/decode.h"
#include "train/data/readers.h"

namespace mvmoe {
namespace {

static_assert(std::endian::native == std::endian::little, "a pack's numbers are written as they stand in memory");

constexpr std::string_view magic = "mvmoepk1";
constexpr std::uint64_t tail_bytes = 32, largest_index = std::uint64_t{4} << 30;

struct Tail {
  std::uint64_t index_offset, index_bytes;
  std::uint32_t index_crc32, zero;
  char magic[8];
};
static_assert(sizeof(Tail) == tail_bytes);

}  // namespace

Pack::Pack(const std::filesystem::path& path) : shown_(printable(path.string())) {
  file_ = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // O_NONBLOCK: opening a pipe would wait for a writer
  if (file_ < 0) fail(shown_, ": ", std::strerror(errno), " (--data pack:FILE)");
  try {
    struct stat status {};
    if (fstat(file_, &status) != 0) fail(shown_, ": ", std::strerror(errno));
    if (!S_ISREG(status.st_mode)) fail(shown_, ": is no file (--data pack:FILE)");
    bytes_ = static_cast<std::uint64_t>(status.st_size);
    if (!begins_like_one(path)) fail(shown_, ": is no pack: mvmoe pack makes one of a folder");
    Tail tail{};
    if (bytes_ < magic.size() + tail_bytes) fail_damaged("is cut short");
    read_at(bytes_ - tail_bytes, {reinterpret_cast<std::uint8_t*>(&tail), tail_bytes});
    if (std::string_view(tail.magic, sizeof tail.magic) != magic)
      fail_damaged("does not end as a pack does: cut short?");
    index_offset_ = tail.index_offset;
    if (tail.zero != 0 || tail.index_offset < magic.size() || tail.index_bytes > largest_index ||
        tail.index_offset > bytes_ - tail_bytes || tail.index_bytes != bytes_ - tail_bytes - tail.index_offset)
      fail_damaged("its last bytes do not say where the index is");
    std::vector<std::uint8_t> index(tail.index_bytes);
    read_at(index_offset_, index);
    crc32_ = crc32_of(index);
    if (crc32_ != tail.index_crc32) fail_damaged("the CRC of its index is not the stored one");
    const auto newline = std::find(index.begin(), index.end(), '\n');
    if (newline == index.end()) fail_damaged("its index has no header");
    const auto record_bytes = static_cast<std::size_t>(index.end() - newline) - 1;
    if (record_bytes % sizeof(Record) != 0) fail_damaged("its index ends in the middle of a record");
    parse_header({index.begin(), newline}, record_bytes / sizeof(Record));
    records_.resize(record_bytes / sizeof(Record));
    if (record_bytes > 0) std::memcpy(records_.data(), &*newline + 1, record_bytes);
    for (std::size_t i = 0; i < records_.size(); ++i) check(records_[i], i);
  } catch (...) {
    close(file_);
    throw;
  }
}

Pack::~Pack() { close(file_); }

bool Pack::begins_like_one(const std::filesystem::path& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  char begin[magic.size()];
  const bool same = file >= 0 && pread(file, begin, sizeof begin, 0) == static_cast<ssize_t>(sizeof begin) &&
                    std::string_view(begin, sizeof begin) == magic;
  if (file >= 0) close(file);
  return same;
}

void Pack::fail_damaged(const std::string& what) const { fail(shown_, ": this pack is damaged: ", what); }

void Pack::parse_header(const std::string& line, std::size_t records) {
  using Json = nlohmann::json;
  try {
    const Json json = parse_json(shown_ + ": this pack is damaged: its index's header", line);
    if (json.at("format") != "mvmoe-pack" || json.at("version") != 1)
      fail_damaged("its index is not of format mvmoe-pack, version 1");
    const std::string images = json.at("images");
    if (images != "jpeg" && images != "raw")
      fail_damaged("its images are '" + printable(images) + "', must be jpeg or raw");
    format_ = images == "raw" ? PackFormat::raw : PackFormat::jpeg;
    for (const char* name : {"size", "training_images", "test_images"})
      if (!fits<int>(json.at(name)))
        fail_damaged(text("its index's header: ", name, " is not a whole number, or too large"));
    size_ = json.at("size");
    training_images_ = json.at("training_images");
    const int test_images = json.at("test_images");
    json.at("classes").get_to(classes_);
    if (training_images_ < 0 || test_images < 0 ||
        static_cast<std::size_t>(training_images_) + static_cast<std::size_t>(test_images) != records)
      fail_damaged(text("its index has records of ", records, " images, of ", training_images_, " training and ",
                        test_images, " test images"));
  } catch (const Json::exception& e) {
    fail_damaged("its index's header: " + printable(e.what()));
  }
}

void Pack::check(const Record& r, std::size_t index) const {
  const std::uint64_t pixels = std::uint64_t{r.width} * r.height;
  const bool inside = r.offset >= magic.size() && r.offset <= index_offset_ && r.bytes <= index_offset_ - r.offset;
  const bool in_order =
      index == 0 || index == static_cast<std::size_t>(training_images_) || r.label >= records_[index - 1].label;
  if (!inside || !in_order || r.zero != 0 || pixels == 0 || pixels > static_cast<std::uint64_t>(most_pixels) ||
      r.label >= classes_.size() || (format_ == PackFormat::raw && r.bytes != 3 * pixels))
    fail_damaged(text("the record of image ", index, " makes no sense"));
}

void Pack::read_at(std::uint64_t offset, std::span<std::uint8_t> to) const {
  while (!to.empty()) {
    const ssize_t got =
        pread(file_, to.data(), std::min<std::size_t>(to.size(), std::size_t{1} << 30), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(shown_, ": ", std::strerror(errno));
    if (got == 0) fail_damaged("is cut short");
    offset += static_cast<std::uint64_t>(got);
    to = to.subspan(static_cast<std::size_t>(got));
  }
}

template <class... What>
void Pack::fail_image(int index, const What&... what) const {
  fail(shown_, ": image ", index, " (", printable(classes_[records_[static_cast<std::size_t>(index)].label]),
       "): ", what...);
}

std::vector<std::uint8_t> Pack::stored(int index) const {
  const Record& r = records_[static_cast<std::size_t>(index)];
  std::vector<std::uint8_t> bytes(r.bytes);
  read_at(r.offset, bytes);
  if (crc32_of(bytes) != r.crc32) fail_image(index, "its CRC is not the stored one");
  return bytes;
}

Image Pack::read(int index) const {
  const Record& r = records_[static_cast<std::size_t>(index)];
  const int width = static_cast<int>(r.width), height = static_cast<int>(r.height);
  std::vector<std::uint8_t> bytes = stored(index);
  if (format_ == PackFormat::raw) return {.width = width, .height = height, .rgb = std::move(bytes)};
  try {
    Image image = decode_image(bytes);
    if (image.width != width || image.height != height)
      fail("is ", image.width, " x ", image.height, " pixels, its record says ", width, " x ", height);
    return image;
  } catch (const Error& e) {
    fail_image(index, e.what());
  }
}

DataSet load_pack(const std::filesystem::path& file, bool strict) {
  const auto pack = std::make_shared<const Pack>(file);
  const auto damaged = std::make_shared<DamagedImages>(strict);
  const auto part = [&](int first, int end) {
    ImageSet set;
    for (int i = first; i < end; ++i) set.labels.push_back(pack->label(i));
    set.read = [pack, first](int index) { return pack->read(first + index); };
    set.damaged = damaged;
    set.crc32 = pack->crc32();
    return set;
  };
  DataSet data;
  data.classes = pack->classes();
  data.mean = {0.485f, 0.456f, 0.406f};  // ImageNet's
  data.std = {0.229f, 0.224f, 0.225f};
  data.flip = true;
  data.train = part(0, pack->training_images());
  data.test = part(pack->training_images(), pack->images());
  return data;
}

}  // namespace mvmoe
