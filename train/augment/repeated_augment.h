// train/augment/repeated_augment.h: each image several times in an epoch, each time augmented otherwise.
//
// An epoch's list is its shuffled order with each image N times in a row; the epoch ends after as many as without
// repeating, so it sees a part of the set, another in each epoch. Hoffer et al. 2019, arXiv 1901.09335; DeiT's
// RASampler, which also cuts the epoch to a multiple of 256.
#pragma once
#include <cstdint>
#include <vector>

namespace mvmoe {

struct Repeat {
  int image = 0;  // index in the set
  std::uint64_t key =
      0;  // what its augmentations are keyed by: the image itself without repeating, else one for each repeat
};

// The image at place `index` of the list; order: the epoch's shuffled indices, index < repeats * order.size().
Repeat repeated(const std::vector<int>& order, int repeats, std::uint64_t index);

// RASampler gives the copies of an image to different processes, so that a process never has two of them. The same for
// lanes: the item of the batch's part of the list that stands at `place` of the batch, items being dealt to the lanes
// like cards. A permutation of 0 .. batch_size - 1; N copies in a row are in N lanes, if there are more than N.
int dealt(int place, int batch_size, int lane_size);

}  // namespace mvmoe
