// train/augment/repeated_augment.h: repeated augmentation: an image comes several times in an epoch, augmented
// differently.
//
// The list of an epoch is the shuffled order with each image N times in a row. The epoch ends after as many images as
// without repeats. So it sees only a part of the set, another part in each epoch. Hoffer et al. 2019, arXiv 1901.09335;
// DeiT's RASampler, which also cuts the epoch to a multiple of 256.
#pragma once
#include <cstdint>
#include <vector>

namespace mvmoe {

struct Repeat {
  int image = 0;          // index in the set
  std::uint64_t key = 0;  // key of its random numbers: the index in the set; with repeats, another for each repeat
};

// The image at place `index` of the list. order: the shuffled indices of the epoch. index < repeats * order.size().
Repeat repeated(const std::vector<int>& order, int repeats, std::uint64_t index);

// RASampler gives the copies of an image to different processes. Here they go to different lanes. The items of a batch
// are dealt to the lanes one by one, like cards. Returns the item at `place` of the batch. This is a permutation of 0
// .. batch_size - 1. N copies in a row go to N different lanes, if there are more than N lanes.
int dealt(int place, int batch_size, int lane_size);

}  // namespace mvmoe
