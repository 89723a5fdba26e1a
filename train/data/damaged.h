// train/data/damaged.h: images that cannot be read: each is named once, all are counted, and another image stands in.
#pragma once
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "engine/comm.h"
#include "train/data/dataset.h"

namespace mvmoe {

// The damaged images of a data set that were found so far. Its functions may be called from any thread.
class DamagedImages {
 public:
  explicit DamagedImages(bool strict) : strict_(strict) {}

  // `what` names the image and says what is wrong with it. The same text again is the same image.
  void add(const std::string& what);

  // Lines for the user about the images that were added since the last call, each with `consequence`. The first ten
  // images are named, of the others only the number is given.
  std::vector<std::string> news(const char* consequence);

  // The number of damaged images, if it has grown since the last call; else 0.
  int grown();

  // Tells each rank the damaged images of all ranks. Collective: every rank must call it.
  void share(Comm& comm);

  int images() const;
  bool strict() const { return strict_; }  // a damaged image is an error

 private:
  const bool strict_;
  mutable std::mutex mutex_;  // guards all members below
  std::set<std::string> known_;
  std::vector<std::string> unsaid_, unshared_;
  int said_ = 0;     // images that were named
  int counted_ = 0;  // the number of images when grown() last gave it
};

// Image `index`, decoded. If it cannot be read, it is noted in set.damaged, and another image of its class stands in:
// the one that is drawn by (seed, index), or the next one that can be read. So the choice is a function of seed, index
// and the damaged files. Throws Error if the image cannot be read and the set is strict or the class has no other
// image.
Image image_or_stand_in(const ImageSet& set, int index, std::uint64_t seed);

}  // namespace mvmoe
