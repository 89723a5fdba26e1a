// train/data/idx.cpp: reads MNIST's IDX files (LeCun), and other data sets with files of the same names, gzipped or
// not.
//
// IDX is a big-endian header (0, 0, type 8 = unsigned bytes, number of axes, then each axis' size in 4 bytes) and
// the bytes. Images are counted from 0.
#include <algorithm>
#include <string>

#include "engine/error.h"
#include "engine/files.h"
#include "train/data/byte_source.h"
#include "train/data/readers.h"

namespace mvmoe {
namespace {

constexpr std::uint32_t largest_count = 100'000'000, largest_side = 1024;

// The path of the file `name` or `name`.gz. Throws an error that names both if there is neither.
std::filesystem::path find_file(const std::filesystem::path& folder, const std::string& name) {
  std::error_code ignored;
  for (const char* ending : {"", ".gz"})
    if (std::filesystem::exists(folder / (name + ending), ignored)) return folder / (name + ending);
  fail(printable((folder / name).string()), ": no such file, nor ", name, ".gz");
}

std::uint32_t big_endian(const std::vector<std::uint8_t>& bytes, std::size_t at) {
  return std::uint32_t{bytes[at]} << 24 | std::uint32_t{bytes[at + 1]} << 16 | std::uint32_t{bytes[at + 2]} << 8 |
         bytes[at + 3];
}

std::vector<std::uint32_t> read_header(ByteSource& source, const std::string& shown, std::size_t axes) {
  const std::uint32_t magic = big_endian(source.take(4), 0), right = 0x800 + static_cast<std::uint32_t>(axes);
  if (magic != right)
    fail(shown, ": the magic number is ", magic, ", must be ", right, " (IDX of bytes with ", axes,
         axes == 1 ? " axis)" : " axes)");
  const std::vector<std::uint8_t> header = source.take(4 * axes);
  std::vector<std::uint32_t> sizes;
  for (std::size_t i = 0; i < axes; ++i) sizes.push_back(big_endian(header, 4 * i));
  if (sizes[0] == 0) fail(shown, ": is empty");
  if (sizes[0] > largest_count)
    fail(shown, ": declares ", sizes[0], " entries, at most ", largest_count, " are supported");
  return sizes;
}

ImageSet read_set(const std::filesystem::path& folder, const std::string& prefix) {
  ImageSet set{.channels = 1, .side = 0, .pixels = {}, .labels = {}};
  const std::filesystem::path image_path = find_file(folder, prefix + "-images-idx3-ubyte");
  const std::filesystem::path label_path = find_file(folder, prefix + "-labels-idx1-ubyte");
  const std::string shown_images = printable(image_path.string()), shown_labels = printable(label_path.string());
  {
    const std::vector<std::uint8_t> file = read_file(image_path);
    ByteSource source(shown_images, file);
    const std::vector<std::uint32_t> size = read_header(source, shown_images, 3);
    if (size[1] != size[2]) fail(shown_images, ": images are ", size[1], " x ", size[2], ", must be square");
    if (size[1] == 0 || size[1] > largest_side)
      fail(shown_images, ": images are ", size[1], " x ", size[2], ", the side must be 1 to ", largest_side);
    set.side = static_cast<int>(size[1]);
    set.pixels = source.take(std::size_t{size[0]} * size[1] * size[2]);
    source.expect_end();
  }
  const std::vector<std::uint8_t> file = read_file(label_path);
  ByteSource source(shown_labels, file);
  const std::vector<std::uint32_t> size = read_header(source, shown_labels, 1);
  const std::vector<std::uint8_t> labels = source.take(size[0]);
  source.expect_end();
  set.labels.assign(labels.begin(), labels.end());
  const std::size_t images = set.pixels.size() / static_cast<std::size_t>(set.side * set.side);
  if (labels.size() != images)
    fail(shown_labels, ": holds ", labels.size(), " labels for the ", images, " images of ", shown_images);
  return set;
}

}  // namespace

DataSet load_mnist(const std::filesystem::path& folder) {
  DataSet data;
  data.train = read_set(folder, "train");
  data.test = read_set(folder, "t10k");
  if (data.train.side != data.test.side)
    fail(printable(folder.string()), ": training images have side ", data.train.side, ", test images ", data.test.side,
         ": must be equal");
  data.mean.fill(0.1307f);
  data.std.fill(0.3081f);
  // Ten classes, or more if the training labels say so: there are letters in this format too.
  const int classes = std::max(10, 1 + *std::max_element(data.train.labels.begin(), data.train.labels.end()));
  for (int c = 0; c < classes; ++c) data.classes.push_back(std::to_string(c));
  for (std::size_t i = 0; i < data.test.labels.size(); ++i)
    if (data.test.labels[i] >= classes)
      fail(printable(find_file(folder, "t10k-labels-idx1-ubyte").string()), ": label ", i, " is ", data.test.labels[i],
           ", must be below ", classes, " (the training set's number of classes)");
  return data;
}

}  // namespace mvmoe
