// train/input/pack_write.cpp: writes a pack. Threads decode, resize and encode images. One thread writes them, in
// order, so the file does not depend on the number of threads. Only a few images of each thread are in memory.
#include <algorithm>
#include <atomic>
#include <nlohmann/json.hpp>
#include <optional>

#include "engine/error.h"
#include "engine/files.h"
#include "engine/threads.h"
#include "train/data/damaged.h"
#include "train/data/encode.h"
#include "train/input/pack_write.h"
#include "train/input/preprocess.h"

namespace mvmoe {

class PackWriter {
 public:
  PackWriter(const DataSet& data, const std::filesystem::path& path, const PackOptions& options)
      : data_(data), options_(options), file_(path), threads_(options.threads) {}

  PackResult write() {
    put(magic);
    if (!write_images(data_.train)) return {.complete = false};
    const int training_images = static_cast<int>(records_.size());
    if (!write_images(data_.test)) return {.complete = false};
    if (records_.empty()) fail("--data: ", printable(data_.spec), ": no image could be read");
    write_index(training_images);
    file_.finish();
    return {.images = static_cast<int>(records_.size()),
            .skipped = done_ - static_cast<int>(records_.size()),
            .bytes = offset_};
  }

 private:
  using Bytes = std::vector<std::uint8_t>;
  struct Made {
    Bytes bytes;
    int width = 0, height = 0;
  };
  static constexpr std::string_view magic = "mvmoepk1";

  void put(std::span<const std::uint8_t> bytes) {
    file_.write(bytes);
    offset_ += bytes.size();
  }
  void put(std::string_view text) { put({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}); }

  Made make(const Image& image) const {
    const bool smaller = std::min(image.width, image.height) <= options_.size;
    Image resized = smaller ? image : resize_short_side(image, options_.size, Interpolation::bicubic);
    const int width = resized.width, height = resized.height;
    return {options_.format == PackFormat::raw ? std::move(resized.rgb) : encode_jpeg(resized, options_.quality), width,
            height};
  }

  bool write_images(const ImageSet& set) {
    const int at_a_time = 16 * threads_.count();
    std::vector<std::optional<Made>> made(static_cast<std::size_t>(at_a_time));
    for (int first = 0; first < set.size(); first += at_a_time) {
      if (options_.keep_on && !options_.keep_on(done_)) return false;
      const int count = std::min(at_a_time, set.size() - first);
      std::atomic<int> next{0};
      threads_.run([&](int) {
        for (int i; (i = next++) < count;) made[static_cast<std::size_t>(i)] = read_and_make(set, first + i);
      });
      for (int i = 0; i < count; ++i)
        write_image(made[static_cast<std::size_t>(i)], set.labels[static_cast<std::size_t>(first + i)]);
    }
    return true;
  }

  std::optional<Made> read_and_make(const ImageSet& set, int index) const {
    try {
      return make(image_of(set, index));
    } catch (const Error& e) {
      if (!set.damaged || set.damaged->strict()) fail(e.what(), " (--strict)");
      set.damaged->add(e.what());
      return std::nullopt;
    }
  }

  void write_image(const std::optional<Made>& made, int label) {
    ++done_;
    if (!made) return;
    records_.push_back({.offset = offset_,
                        .bytes = static_cast<std::uint32_t>(made->bytes.size()),
                        .crc32 = crc32_of(made->bytes),
                        .width = static_cast<std::uint32_t>(made->width),
                        .height = static_cast<std::uint32_t>(made->height),
                        .label = static_cast<std::uint32_t>(label),
                        .zero = 0});
    put(made->bytes);
  }

  void write_index(int training_images) {
    nlohmann::ordered_json json{{"format", "mvmoe-pack"},
                                {"version", 1},
                                {"images", options_.format == PackFormat::raw ? "raw" : "jpeg"},
                                {"size", options_.size},
                                {"training_images", training_images},
                                {"test_images", records_.size() - static_cast<std::size_t>(training_images)},
                                {"classes", data_.classes}};
    const std::string line = json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
    const std::span<const std::uint8_t> header(reinterpret_cast<const std::uint8_t*>(line.data()), line.size());
    const std::span<const std::uint8_t> records(reinterpret_cast<const std::uint8_t*>(records_.data()),
                                                records_.size() * sizeof(Pack::Record));
    const std::uint64_t where[] = {offset_, header.size() + records.size()};
    const std::uint32_t crc[] = {crc32_of(records, crc32_of(header)), 0};
    put(header);
    put(records);
    put({reinterpret_cast<const std::uint8_t*>(where), sizeof where});
    put({reinterpret_cast<const std::uint8_t*>(crc), sizeof crc});
    put(magic);
  }

  const DataSet& data_;
  const PackOptions& options_;
  FileWriter file_;
  Threads threads_;
  std::vector<Pack::Record> records_;
  std::uint64_t offset_ = 0;
  int done_ = 0;  // images that are packed or left out so far
};

PackResult write_pack(const DataSet& data, const std::filesystem::path& path, const PackOptions& options) {
  const auto in_memory = [](const ImageSet& set) { return !set.read && !set.draw; };
  if (in_memory(data.train) && in_memory(data.test))
    fail_usage("--data: ", printable(data.spec), " stands in few files already: a folder:DIR or fractals is packed");
  return PackWriter(data, path, options).write();
}

}  // namespace mvmoe
