// train/data/cifar.cpp: CIFAR-10 and CIFAR-100 in their published binary form (Krizhevsky 2009).
//
// A record is one label byte (CIFAR-100: a coarse and a fine one) and 3 planes of 32 x 32 bytes, which is how an
// ImageSet keeps them. Records are counted from 0.
#include <algorithm>
#include <limits>

#include "engine/error.h"
#include "engine/files.h"
#include "train/data/readers.h"

namespace mvmoe {
namespace {

constexpr int side = 32;
constexpr std::size_t image_bytes = 3 * side * side;

std::string shown(const std::filesystem::path& path) { return printable(path.string()); }

std::vector<std::string> read_names(const std::filesystem::path& path, std::size_t count) {
  const std::vector<std::uint8_t> bytes = read_file(path, std::size_t{1} << 20);
  std::vector<std::string> names(1);
  for (const std::uint8_t byte : bytes) {
    if (byte == '\n') {
      names.emplace_back();
    } else if (byte != '\r') {
      names.back() += static_cast<char>(byte);
    }
  }
  while (!names.empty() && names.back().empty()) names.pop_back();  // the published files end in blank lines
  if (names.size() != count) fail(shown(path), ": holds ", names.size(), " names, must hold ", count);
  for (std::size_t i = 0; i < count; ++i)
    if (names[i].empty()) fail(shown(path), ": line ", i + 1, " holds no name");
  return names;
}

// What the labels of a record mean, in the order of their bytes.
struct LabelByte {
  const char* role;
  int classes;
};

// Adds the images of a file to `set`, with the last label byte as the label. Calls `see` with every label byte.
template <class See>
void read_records(const std::filesystem::path& path, std::span<const LabelByte> label_bytes, ImageSet& set,
                  const See& see) {
  const std::vector<std::uint8_t> bytes = read_file(path);
  const std::size_t record_bytes = label_bytes.size() + image_bytes;
  if (bytes.empty()) fail(shown(path), ": is empty");
  if (bytes.size() % record_bytes != 0)
    fail(shown(path), ": has ", bytes.size(), " bytes, must be a multiple of the ", record_bytes,
         " bytes of a record (cut short?)");
  const std::size_t records = bytes.size() / record_bytes;
  if (records + set.labels.size() > std::numeric_limits<int>::max())
    fail(shown(path), ": holds ", records, " images, too many");
  set.channels = 3;
  set.side = side;
  set.labels.reserve(set.labels.size() + records);
  set.pixels.reserve(set.pixels.size() + records * image_bytes);
  for (std::size_t r = 0; r < records; ++r) {
    const std::uint8_t* record = bytes.data() + r * record_bytes;
    for (std::size_t i = 0; i < label_bytes.size(); ++i)
      if (record[i] >= label_bytes[i].classes)
        fail(shown(path), ": record ", r, " has ", label_bytes[i].role, " ", int{record[i]}, ", must be below ",
             label_bytes[i].classes);
    see(r, record);
    set.labels.push_back(record[label_bytes.size() - 1]);
    set.pixels.insert(set.pixels.end(), record + label_bytes.size(), record + record_bytes);
  }
}

}  // namespace

DataSet load_cifar10(const std::filesystem::path& folder) {
  DataSet data;
  data.classes = read_names(folder / "batches.meta.txt", 10);
  data.mean = {0.4914f, 0.4822f, 0.4465f};
  data.std = {0.2470f, 0.2435f, 0.2616f};
  data.flip = true;
  const LabelByte labels[] = {{"label", 10}};
  const auto ignore = [](std::size_t, const std::uint8_t*) {};
  for (int i = 1; i <= 5; ++i) read_records(folder / text("data_batch_", i, ".bin"), labels, data.train, ignore);
  read_records(folder / "test_batch.bin", labels, data.test, ignore);
  return data;
}

DataSet load_cifar100(const std::filesystem::path& folder) {
  DataSet data;
  data.classes = read_names(folder / "fine_label_names.txt", 100);
  data.coarse_classes = read_names(folder / "coarse_label_names.txt", 20);
  data.mean = {0.5071f, 0.4865f, 0.4409f};
  data.std = {0.2673f, 0.2564f, 0.2762f};
  data.flip = true;
  data.coarse_of_class.assign(100, -1);
  const LabelByte labels[] = {{"coarse label", 20}, {"fine label", 100}};
  for (const bool training : {true, false}) {
    const std::filesystem::path path = folder / (training ? "train.bin" : "test.bin");
    read_records(path, labels, training ? data.train : data.test, [&](std::size_t r, const std::uint8_t* record) {
      int& coarse = data.coarse_of_class[record[1]];
      if (coarse >= 0 && coarse != record[0])
        fail(shown(path), ": record ", r, " puts class ", printable(data.classes[record[1]]), " under coarse label ",
             int{record[0]}, ", an earlier one under ", coarse);
      coarse = record[0];
    });
  }
  // A reduced copy may lack a class. Its coarse label is unknown then, and no coarse labels are given at all.
  if (std::count(data.coarse_of_class.begin(), data.coarse_of_class.end(), -1) > 0) {
    data.coarse_of_class.clear();
    data.coarse_classes.clear();
  }
  return data;
}

}  // namespace mvmoe
