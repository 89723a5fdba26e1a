#include "train/loader.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>
#include <numeric>
#include <system_error>

#include "engine/error.h"
#include "engine/random.h"
#include "train/augment/crop.h"
#include "train/augment/flip.h"
#include "train/augment/random_resized_crop.h"
#include "train/data/damaged.h"

namespace mvmoe {
namespace {

void check(const ImageSet& set, const LoaderConfig& c) {
  if (c.batch_size < 1) fail_usage("--batch-size: ", c.batch_size, ", must be at least 1");
  if (c.batch_size > set.size()) fail_usage("--batch-size: ", c.batch_size, ", but the training set has only ", set.size(), " images");
  if (c.workers < 1) fail_usage("--workers: ", c.workers, ", must be at least 1");
  if (set.read && c.side < 1) fail("loader: images of any size need the network's side, which is ", c.side);
  if (set.read && c.pad != 0) fail_usage("--crop: pad4 is for images of the network's size, these are of any size");
  if (!set.read && c.resized_crop) fail_usage("--crop: random-resized is for images of any size, these have side ", set.side);
  if (!set.read && (c.pad < 0 || c.pad >= set.side)) fail_usage("--crop: ", c.pad, ", must be at least 0 and below the images' side ", set.side);
  if (!(c.label_smoothing >= 0 && c.label_smoothing < 1)) fail_usage("--label-smoothing: ", c.label_smoothing, ", must be at least 0 and below 1");
  if (set.channels != 1 && set.channels != 3) fail("loader: images have ", set.channels, " channels, must have 1 or 3");
  if (c.classes < 1) fail("loader: ", c.classes, " classes, must be at least 1");
  for (const float deviation : c.std)
    if (!(deviation > 0)) fail_usage("--std: ", deviation, ", must be above 0");
}

// Fisher and Yates: each order of the set is as likely as any other.
void shuffle(std::vector<int>& order, std::uint64_t seed, std::uint64_t epoch) {
  std::iota(order.begin(), order.end(), 0);
  Random random(seed, Place::shuffle, epoch);
  for (std::size_t i = order.size(); i-- > 1;) std::swap(order[i], order[random.below(static_cast<std::uint32_t>(i) + 1)]);
}

// What training does to an image of any size: gives one of side x side. `key` is the image's index in the set.
Image train_transform(const Image& image, int side, const LoaderConfig& c, std::uint64_t epoch, std::uint64_t key) {
  Image out;
  if (c.resized_crop) resize(image, choose_random_resized_crop(c.seed, epoch, key, image.width, image.height), side, side, c.interpolation, out);
  else out = centre_crop(image, side, 0.875f, c.interpolation);
  if (c.flip && choose_flip(c.seed, epoch, key)) flip(out);
  return out;
}

}  // namespace

struct Loader::Scratch {
  std::vector<int> order;             // [size of the set], of `epoch`
  std::uint64_t epoch = std::numeric_limits<std::uint64_t>::max();
  std::vector<std::uint8_t> image;    // [channels, S, S]
};

Loader::Loader(const ImageSet& set, const LoaderConfig& config, std::uint64_t first_step)
    : set_(set), config_(config), side_(set.read ? config.side : set.side), next_taken_(first_step), next_given_(first_step), oldest_in_use_(first_step) {
  check(set, config);
  const Shape images{config.batch_size, 3, side_, side_}, targets{config.batch_size, config.classes};
  const std::size_t targets_at = (images.size() + 15) / 16 * 16;  // on a cache line of its own
  slots_.resize(static_cast<std::size_t>(config.workers) + 2);    // one read by the caller, one ready, one a worker
  for (Slot& slot : slots_) {
    slot.memory = Block(targets_at + targets.size());
    slot.batch.images = Tensor(slot.memory.data(), images);
    slot.batch.targets = Tensor(slot.memory.data() + targets_at, targets);
    slot.batch.labels.resize(static_cast<std::size_t>(config.batch_size));
  }
  try {
    for (int w = 0; w < config.workers; ++w) workers_.emplace_back([this] { work(); });
  } catch (const std::system_error& e) {
    const std::size_t started = workers_.size();
    stop_workers();
    fail("--workers: the system gives ", started, " of ", config.workers, " threads (", e.code().message(), "): a smaller number will do");
  }
}

Loader::~Loader() { stop_workers(); }

void Loader::stop_workers() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  for (std::thread& worker : workers_) worker.join();
  workers_.clear();
}

int Loader::batches_per_epoch() const { return set_.size() / config_.batch_size; }

void Loader::work() {
  Scratch scratch;
  try {
    scratch.order.resize(static_cast<std::size_t>(set_.size()));
    scratch.image.resize(static_cast<std::size_t>(set_.channels * set_.side * set_.side));
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] { return stop_ || next_taken_ < oldest_in_use_ + slots_.size(); });
      if (stop_) return;
      const std::uint64_t step = next_taken_++;
      lock.unlock();
      fill(slot(step), step, scratch);
      lock.lock();
      slot(step).ready = true;
      changed_.notify_all();
    }
  } catch (...) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::current_exception();
    stop_ = true;
    changed_.notify_all();
  }
}

void Loader::put_image(int index, std::uint64_t epoch, Scratch& scratch, float* to) const {
  const std::uint64_t key = static_cast<std::uint64_t>(index), seed = config_.seed;
  if (set_.read)
    return normalise(train_transform(image_or_stand_in(set_, index, seed), side_, config_, epoch, key), config_.mean, config_.std, to);
  std::uint8_t* changed = scratch.image.data();
  if (config_.pad > 0) crop(set_.image(index), set_.channels, side_, config_.pad, choose_crop(seed, epoch, key, config_.pad), changed);
  else std::memcpy(changed, set_.image(index), scratch.image.size());
  if (config_.flip && choose_flip(seed, epoch, key)) flip(changed, set_.channels, side_);
  normalise(changed, set_.channels, side_, config_.mean, config_.std, to);
}

void Loader::fill(Slot& slot, std::uint64_t step, Scratch& scratch) const {
  const std::uint64_t batches = static_cast<std::uint64_t>(batches_per_epoch()), epoch = step / batches;
  const std::size_t size = static_cast<std::size_t>(config_.batch_size), first = static_cast<std::size_t>(step % batches) * size;
  if (scratch.epoch != epoch) {
    shuffle(scratch.order, config_.seed, epoch);
    scratch.epoch = epoch;
  }
  const float off = config_.label_smoothing / static_cast<float>(config_.classes), on = 1 - config_.label_smoothing + off;
  for (std::size_t b = 0; b < size; ++b) {
    const int index = scratch.order[first + b];
    put_image(index, epoch, scratch, slot.batch.images.outer_slice(static_cast<int>(b), 1).data());
    const int label = set_.labels[static_cast<std::size_t>(index)];
    if (label < 0 || label >= config_.classes)
      fail("loader: label ", label, " of image ", index, " is not one of ", config_.classes, " classes");
    float* target = slot.batch.targets.row(static_cast<int>(b));
    std::fill_n(target, config_.classes, off);
    target[label] = on;
    slot.batch.labels[b] = label;
  }
}

const Batch& Loader::next() {
  std::unique_lock lock(mutex_);
  if (next_given_ != oldest_in_use_) {  // what was given last is given back
    slot(oldest_in_use_).ready = false;
    oldest_in_use_ = next_given_;
    changed_.notify_all();
  }
  const auto begin = std::chrono::steady_clock::now();
  changed_.wait(lock, [&] { return failure_ || slot(next_given_).ready; });
  waited_s_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (failure_) std::rethrow_exception(failure_);
  return slot(next_given_++).batch;
}

}  // namespace mvmoe
