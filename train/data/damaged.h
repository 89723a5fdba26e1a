// train/data/damaged.h: images that cannot be read while work goes on: each is named once, all are counted, and another
// one stands in.
#pragma once
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "engine/comm.h"
#include "train/data/dataset.h"

namespace mvmoe {

// What went wrong with the images of a data set so far. Its functions may be called from any thread.
class DamagedImages {
 public:
  explicit DamagedImages(bool strict) : strict_(strict) {}

  // `what` names the image and says what is wrong with it: the same words are the same image.
  void add(const std::string& what);

  // Lines for the user, of what was added since the last call, and what follows from it: the first ten images by name.
  // Of more than these only the number is said.
  std::vector<std::string> news(const char* consequence);

  // Their number in all, where it has grown since the last call; 0 where it has not.
  int grown();

  // What one rank knows, all know. All ranks.
  void share(Comm& comm);

  int images() const;
  bool strict() const { return strict_; }  // a damaged image is an error

 private:
  const bool strict_;
  mutable std::mutex mutex_;  // guards all below
  std::set<std::string> known_;
  std::vector<std::string> unsaid_, unshared_;
  int said_ = 0;     // images by name
  int counted_ = 0;  // when their number was last said
};

// Image `index`, decoded. If it cannot be read, it is noted in set.damaged, and another one of its class stands in: one
// that (seed, index) draws, or the next in order that can be read. So who stands in is a function of seed and index,
// and of which files are damaged. Throws Error if it cannot be read and the set is strict, or its class has no other.
Image image_or_stand_in(const ImageSet& set, int index, std::uint64_t seed);

}  // namespace mvmoe
