// train/input/loader.h: makes batches of augmented, normalised images, with its own threads, while the network trains.
//
// A batch is a function of (seed, epoch, place in the epoch). It does not depend on the number of workers or ranks, or
// on where a run was stopped and resumed.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/parameter.h"
#include "train/augment/mixing.h"
#include "train/input/batch.h"
#include "train/input/training_input.h"

namespace mvmoe {

struct LoaderConfig {
  int batch_size = 128;
  int classes = 0;
  int side = 0;  // S of the network, for images of any size; images in memory have size S already
  Preprocessing preprocessing = {};
  AugmentConfig augment = {};
  int repeats = 1;  // how often an image stands in the list of an epoch (augment/repeated_augment.h)
  MixingConfig mixing{.mixup_alpha = 0, .cutmix_alpha = 0};
  int lane_size = 1;          // of the training step; images are mixed within a lane, repeats are in different lanes
  float label_smoothing = 0;  // e: targets are e/C off the label and 1 - e + e/C on it
  std::uint64_t seed = 0;
  int workers = 1;
  int rank = 0, ranks = 1;  // a rank makes its share of every batch; a share is whole lanes (engine/lanes.h)
};

class Loader {
 public:
  // Starts at batch `first_step` of the run. It is in epoch first_step / batches_per_epoch(). Each epoch is shuffled
  // anew. Keeps a reference to the set. Throws UsageError if the batch is larger than the set or a number is out of
  // range, Error if the system gives too few threads.
  Loader(const ImageSet& set, const LoaderConfig& config, std::uint64_t first_step = 0);
  ~Loader();

  int batches_per_epoch() const;  // the last incomplete batch is dropped
  int batch_size() const { return config_.batch_size; }

  // The next batch, valid until the next call. If a worker threw, throws its exception. After the first few batches
  // nothing is allocated.
  const Batch& next();

  double waited_s() const { return waited_s_; }  // seconds that all calls of next() have waited

 private:
  struct Slot {
    Block memory;
    Batch batch;
    bool ready = false;
  };
  struct Scratch;  // memory of one worker
  void work();
  void fill(Slot& slot, std::uint64_t step, Scratch& scratch) const;
  void stop_workers();
  Slot& slot(std::uint64_t step) { return slots_[static_cast<std::size_t>(step % slots_.size())]; }

  const ImageSet& set_;
  LoaderConfig config_;
  int side_;                   // S
  int first_, images_;         // this rank's share of every batch
  std::vector<int> partners_;  // [B] the partner of each image, if images are mixed
  std::vector<Slot> slots_;    // a ring: step s stands in slot s % slots
  std::vector<std::thread> workers_;
  std::mutex mutex_;  // guards all members below, and Slot::ready
  std::condition_variable changed_;
  std::exception_ptr failure_;
  std::uint64_t next_taken_ = 0;     // the step that the next free worker makes
  std::uint64_t next_given_ = 0;     // the step that next() returns
  std::uint64_t oldest_in_use_ = 0;  // the step that next() returned last; the caller may still read its slot
  bool stop_ = false;
  double waited_s_ = 0;
};

}  // namespace mvmoe
