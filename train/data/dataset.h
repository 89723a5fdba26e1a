// train/data/dataset.h: a data set, and the one place that knows every kind of data set by its name.
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

// Labelled images, in one of three forms: in memory as bytes, of one size; drawn when asked, of one size; read when
// asked, of any size.
struct ImageSet {
  int channels = 3;                  // 1 (grey, repeated for the network's three channels) or 3
  int side = 0;                      // 0: of any size
  std::vector<std::uint8_t> pixels;  // [size, channels, side, side]; empty if images are drawn or read
  std::vector<int> labels;           // [size], 0 .. classes-1; if images are drawn or read, a class's stand together
  // If images are drawn: draws one, to [channels, side, side]. May be called from any thread.
  std::function<void(int index, std::uint8_t* to)> draw = {};
  // If images are read: reads and decodes one. Throws Error that names it. May be called from any thread. Callers use
  // image_or_stand_in (train/data/damaged.h) instead, which notes the damaged images in `damaged`.
  std::function<Image(int index)> read = {};
  std::shared_ptr<DamagedImages> damaged = {};
  std::uint32_t crc32 = 0;  // if images are drawn or read: of the SPEC, the files' names and sizes, or a pack's index

  int size() const { return static_cast<int>(labels.size()); }
  std::size_t image_bytes() const { return static_cast<std::size_t>(channels * side * side); }
  const std::uint8_t* image(int index) const {  // [channels, side, side], in memory
    return pixels.data() + static_cast<std::size_t>(index) * image_bytes();
  }
  // The same for any set with images of one size. An image that is not in memory is drawn into `scratch`.
  const std::uint8_t* image(int index, std::vector<std::uint8_t>& scratch) const {
    if (!draw) return image(index);
    scratch.resize(image_bytes());
    draw(index, scratch.data());
    return scratch.data();
  }
};

// Image `index` of any set. Throws Error if it cannot be read.
Image image_of(const ImageSet& set, int index);

struct DataSet {
  std::string spec;                         // as the user gave it
  std::vector<std::string> classes;         // names, in label order
  std::vector<std::string> coarse_classes;  // names of the known coarse labels; empty if there are none
  std::vector<int> coarse_of_class;         // [classes] the coarse label of each class; empty if there are none
  ImageSet train, test;
  std::array<float, 3> mean{}, std{};  // of raw / 255, for normalisation
  bool flip = false;                   // true: training may mirror images, because that does not change their class
  bool shift = true;                   // true: training may shift images by a few pixels
  std::vector<std::string> notes;      // for the user: an empty folder, a file that was skipped
};

// SPEC is `glyphs`, `cifar10:DIR`, `cifar100:DIR`, `mnist:DIR`, `folder:DIR`, `pack:FILE` or `fractals`. Throws
// UsageError for an unknown kind (with the nearest known one). Throws Error that names the file if a file is missing,
// truncated, damaged or of a wrong size, or if a label is out of range. A folder and a pack may have test images only
// (see require_training_images). Their images are read later; with `strict`, one that cannot be read is then an error.
//
// `wanted` is for folders: it says which images are needed. The files of the others are not looked at, and their set
// stays empty. The classes are those of the whole data set in any case.
enum class Wanted { all, train, test };
DataSet load_dataset(const std::string& spec, bool strict = false, Wanted wanted = Wanted::all);

// Throws Error, naming the spec and what would be right, if there is no image to train on, or to test on.
void require_training_images(const DataSet& data);
void require_test_images(const DataSet& data);

// Throws as load_dataset does for a SPEC of a wrong form. Looks at no files.
void check_spec(const std::string& spec);

// The part of a SPEC before the colon: `cifar10`.
std::string kind_of(const std::string& spec);

// CRC-32 of images and labels; for images that are drawn or read, of ImageSet::crc32 and the labels. It tells if two
// sets are the same, wherever their files are.
std::uint32_t crc32_of(const ImageSet& set);

// Chooses the held-out images: true for each image that is held out. The same `share` of each class is drawn by the
// seed; at least one image of a class is not held out. share 0: none. Throws unless 0 <= share < 1.
std::vector<bool> choose_holdout(const std::vector<int>& labels, int classes, float share, std::uint64_t seed);

// The images whose flag equals `which`, in order. true: the held-out part; false: the rest.
ImageSet part_of(const ImageSet& set, const std::vector<bool>& held_out, bool which);

}  // namespace mvmoe
