// train/input/loader.h: batches of augmented, normalised images, made by threads of their own while the network trains.
//
// What a batch holds is a function of (seed, epoch, place in the epoch) alone: not of the number of workers or ranks,
// nor of where a run was stopped and resumed.
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
  int side = 0;  // S, the network's, for images of any size; those in memory have theirs
  Preprocessing preprocessing = {};
  AugmentConfig augment = {};
  int repeats = 1;  // times that an image stands in an epoch's list (augment/repeated_augment.h)
  MixingConfig mixing{.mixup_alpha = 0, .cutmix_alpha = 0};
  int lane_size = 1;  // of the training step: images are mixed within their lane, repeats stand in different ones
  float label_smoothing = 0;  // e: targets are e/C off the label and 1 - e + e/C on it
  std::uint64_t seed = 0;
  int workers = 1;
  int rank = 0, ranks = 1;  // a rank makes its share of every batch, whole lanes (engine/lanes.h)
};

class Loader {
 public:
  // Keeps a reference to the set. Throws UsageError if the batch is larger than the set or a number makes no sense,
  // Error if the system gives too few threads.
  // Starts at batch `step` of the whole run: epoch step / batches_per_epoch(), shuffled anew in each epoch.
  Loader(const ImageSet& set, const LoaderConfig& config, std::uint64_t first_step = 0);
  ~Loader();

  int batches_per_epoch() const;  // the last incomplete batch is dropped
  int batch_size() const { return config_.batch_size; }

  // The next batch, valid until the next call. An exception of a worker is thrown here. Memory is reused: after the
  // first few batches no call allocates.
  const Batch& next();

  double waited_s() const { return waited_s_; }  // seconds that next() stood still, in all

 private:
  struct Slot {
    Block memory;
    Batch batch;
    bool ready = false;
  };
  struct Scratch;  // what a worker keeps to itself between batches
  void work();
  void fill(Slot& slot, std::uint64_t step, Scratch& scratch) const;
  void stop_workers();
  Slot& slot(std::uint64_t step) { return slots_[static_cast<std::size_t>(step % slots_.size())]; }

  const ImageSet& set_;
  LoaderConfig config_;
  int side_;                   // S
  int first_, images_;         // of every batch, this rank's
  std::vector<int> partners_;  // [B] who is mixed with whom, where images are mixed
  std::vector<Slot> slots_;    // a ring: step s stands in slot s % slots
  std::vector<std::thread> workers_;
  std::mutex mutex_;  // guards all below, and Slot::ready
  std::condition_variable changed_;
  std::exception_ptr failure_;
  std::uint64_t next_taken_ = 0;  // the step that the next free worker takes
  std::uint64_t next_given_ = 0;  // the step that next() gives
  std::uint64_t oldest_in_use_ =
      0;  // the step that next() gave last and the caller may be reading: its slot is not free yet
  bool stop_ = false;
  double waited_s_ = 0;
};

}  // namespace mvmoe
