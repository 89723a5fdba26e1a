// train/data/holdout.cpp: chooses the training images that are held out, for choosing the best weights and for the
// confusion matrix.
#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/error.h"
#include "engine/random.h"
#include "train/data/dataset.h"

namespace mvmoe {

std::vector<bool> choose_holdout(const std::vector<int>& labels, int classes, float share, std::uint64_t seed) {
  if (!(share >= 0 && share < 1)) fail_usage("--holdout: ", share, ", must be at least 0 and below 1");
  std::vector<std::vector<std::size_t>> of_class(static_cast<std::size_t>(classes));
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < 0 || labels[i] >= classes)
      fail("holdout: label ", labels[i], " of image ", i, " is not one of ", classes, " classes");
    of_class[static_cast<std::size_t>(labels[i])].push_back(i);
  }
  std::vector<bool> held_out(labels.size(), false);
  for (std::size_t c = 0; c < of_class.size(); ++c) {
    std::vector<std::size_t>& images = of_class[c];
    if (images.empty()) continue;
    const std::size_t wanted =
        static_cast<std::size_t>(std::lround(static_cast<double>(share) * static_cast<double>(images.size())));
    const std::size_t count = std::min(wanted, images.size() - 1);
    // The random numbers are keyed by the class, so the other classes do not matter. The first `count` of a shuffle are
    // held out.
    Random random(seed, Place::holdout, 0, c);
    for (std::size_t i = 0; i < count; ++i) {
      std::swap(images[i], images[i + random.below(static_cast<std::uint32_t>(images.size() - i))]);
      held_out[images[i]] = true;
    }
  }
  return held_out;
}

ImageSet part_of(const ImageSet& set, const std::vector<bool>& held_out, bool which) {
  if (held_out.size() != set.labels.size()) fail("holdout: ", held_out.size(), " flags for ", set.size(), " images");
  const bool in_memory = !set.read && !set.draw;
  const std::size_t bytes = set.image_bytes();
  const std::size_t count = static_cast<std::size_t>(std::count(held_out.begin(), held_out.end(), which));
  ImageSet part{.channels = set.channels,
                .side = set.side,
                .pixels = {},
                .labels = {},
                .damaged = set.damaged,
                .crc32 = set.crc32};
  std::vector<int> indices;  // of the part's images in the whole set
  if (in_memory) part.pixels.reserve(count * bytes);
  part.labels.reserve(count);
  for (int i = 0; i < set.size(); ++i) {
    if (held_out[static_cast<std::size_t>(i)] != which) continue;
    if (in_memory) part.pixels.insert(part.pixels.end(), set.image(i), set.image(i) + bytes);
    else indices.push_back(i);
    part.labels.push_back(set.labels[static_cast<std::size_t>(i)]);
  }
  if (set.draw)
    part.draw = [draw = set.draw, indices = std::move(indices)](int i, std::uint8_t* to) {
      draw(indices[static_cast<std::size_t>(i)], to);
    };
  else if (set.read)
    part.read = [read = set.read, indices = std::move(indices)](int i) {
      return read(indices[static_cast<std::size_t>(i)]);
    };
  return part;
}

}  // namespace mvmoe
