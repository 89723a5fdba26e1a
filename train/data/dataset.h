// train/data/dataset.h: what a data set is to the trainer, and the one place that knows every kind by name.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "train/data/image.h"

namespace mvmoe {

class DamagedImages;  // train/data/damaged.h
constexpr const char* stand_in_consequence = "another image of its class stands in";

// planes [channels, side, side] to an image [side, side, 3]; grey is repeated.
void interleave(const std::uint8_t* planes, int channels, int side, Image& to);

// Labelled images: of one size, kept in memory as bytes or drawn when asked; or of any size and read when asked.
struct ImageSet {
  int channels = 3;                  // 1 (grey, shown to the network three times over) or 3
  int side = 0;                      // 0: of any size
  std::vector<std::uint8_t> pixels;  // [size, channels, side, side]; empty where they are drawn or read
  std::vector<int> labels;           // [size], 0 .. classes-1; where images are drawn or read, a class's stand together
  // Where images of one size are not in memory: draws one, to [channels, side, side], from any thread.
  std::function<void(int index, std::uint8_t* to)> draw = {};
  // Where images are of any size: reads and decodes one, from any thread. Throws Error that names it. Whoever wants an
  // image calls image_or_stand_in (train/data/damaged.h), which notes the damaged ones here.
  std::function<Image(int index)> read = {};
  std::shared_ptr<DamagedImages> damaged = {};
  std::uint32_t crc32 = 0;  // of what is drawn or read: the files' names and sizes, a pack's index, a spec

  int size() const { return static_cast<int>(labels.size()); }
  std::size_t image_bytes() const { return static_cast<std::size_t>(channels * side * side); }
  const std::uint8_t* image(int index) const {  // [channels, side, side], in memory
    return pixels.data() + static_cast<std::size_t>(index) * image_bytes();
  }
  // The same of any set whose images are of one size: where it is in memory, or drawn into `scratch`.
  const std::uint8_t* image(int index, std::vector<std::uint8_t>& scratch) const {
    if (!draw) return image(index);
    scratch.resize(image_bytes());
    draw(index, scratch.data());
    return scratch.data();
  }
};

// Image `index` of any set. Throws Error where it cannot be read.
Image image_of(const ImageSet& set, int index);

struct DataSet {
  std::string spec;                         // as the user gave it
  std::vector<std::string> classes;         // names, in label order
  std::vector<std::string> coarse_classes;  // known coarse labels' names; empty where there are none
  std::vector<int> coarse_of_class;         // [classes], which coarse label a class belongs to; empty where none
  ImageSet train, test;
  std::array<float, 3> mean{}, std{};  // of raw / 255, for normalisation
  bool flip = false;  // whether training mirrors images: they are the same class then, and not mirrored yet
  bool shift = true;  // the same of a shift by a few pixels
  std::vector<std::string> notes;  // what the user should hear about the files: an empty folder, a file passed over
};

// SPEC is `glyphs`, `cifar10:DIR`, `cifar100:DIR`, `mnist:DIR`, `folder:DIR`, `pack:FILE` or `fractals`. Throws
// UsageError for a spec of no known kind (with the nearest known one), Error that names the file for missing,
// truncated, wrong-sized or damaged files and for labels out of range. The last two kinds may have test images only:
// see require_training_images; their images are read later, and with `strict` one that cannot be read is an error then.
//
// Of a folder, `wanted` says which images are wanted: the others' files are not looked at, and their set stays empty.
// The classes are the whole data set's, whatever is read.
enum class Wanted { all, train, test };
DataSet load_dataset(const std::string& spec, bool strict = false, Wanted wanted = Wanted::all);

// Throws Error, naming the spec and what would be right, if there is no image to train on, or to test on.
void require_training_images(const DataSet& data);
void require_test_images(const DataSet& data);

// Throws as load_dataset does for a spec that is wrong as a word, whatever files there are.
void check_spec(const std::string& spec);

// What stands before the colon of a SPEC: `cifar10`.
std::string kind_of(const std::string& spec);

// CRC-32 of images and labels (of images that are read when asked: of names and sizes): whether it is the same set,
// wherever its files are.
std::uint32_t crc32_of(const ImageSet& set);

// Splits off `share` of the set, stratified: from each class the same share, drawn by seed, at least one image of a
// class stays in. Gives for each image whether it is held out. share 0: none. Throws unless 0 <= share < 1.
std::vector<bool> choose_holdout(const std::vector<int>& labels, int classes, float share, std::uint64_t seed);

// The images whose flag equals `which`, in order: true gives the held-out part, false the rest.
ImageSet part_of(const ImageSet& set, const std::vector<bool>& held_out, bool which);

}  // namespace mvmoe
