#include "train/input/loader.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <numeric>
#include <system_error>

#include "engine/error.h"
#include "engine/lanes.h"
#include "engine/random.h"
#include "train/augment/repeated_augment.h"

namespace mvmoe {
namespace {

void check(const ImageSet& set, const LoaderConfig& c) {
  if (c.batch_size < 1) fail_usage("--batch-size: ", c.batch_size, ", must be at least 1");
  if (c.batch_size > set.size())
    fail_usage("--batch-size: ", c.batch_size, ", but the training set has only ", set.size(), " images");
  if (c.workers < 1) fail_usage("--workers: ", c.workers, ", must be at least 1");
  if (set.read && c.side < 1) fail("loader: images of any size need the network's side, which is ", c.side);
  if (set.read && c.augment.pad != 0)
    fail_usage("--crop: pad4 is for images of the network's size, these are of any size");
  if (!set.read && c.augment.resized_crop)
    fail_usage("--crop: random-resized is for images of any size, these have side ", set.side);
  if (!set.read && (c.augment.pad < 0 || c.augment.pad >= set.side))
    fail_usage("--crop: ", c.augment.pad, ", must be at least 0 and below the images' side ", set.side);
  if (!(c.label_smoothing >= 0 && c.label_smoothing < 1))
    fail_usage("--label-smoothing: ", c.label_smoothing, ", must be at least 0 and below 1");
  if (set.channels != 1 && set.channels != 3) fail("loader: images have ", set.channels, " channels, must have 1 or 3");
  if (c.classes < 1) fail("loader: ", c.classes, " classes, must be at least 1");
  if (c.repeats < 1) fail_usage("--repeated-augment: ", c.repeats, ", must be at least 1");
  if (c.lane_size < 1) fail("loader: lanes of ", c.lane_size, " images, must be of at least 1");
  if (const int lanes = Lanes::count(c.batch_size, c.lane_size); lanes < c.ranks)
    fail_usage("--batch-size: ", c.batch_size, " images at a time in lanes of ", c.lane_size, " are too few for ",
               c.ranks, " ranks: a smaller --lane-size, a larger batch, fewer parts by --accumulate, or at most ",
               lanes, lanes == 1 ? " rank" : " ranks");
  if (mixes(c.mixing) && c.lane_size < 2)
    fail_usage("--lane-size: 1, but --mixup and --cutmix mix the images of a lane: must be at least 2");
  if (mixes(c.mixing) && c.batch_size < 2)
    fail_usage(
        "--mixup: as --cutmix mixes the images of a batch in pairs, and here 1 comes at a time: a larger batch, or "
        "fewer parts by --accumulate");
  for (const float deviation : c.preprocessing.std)
    if (!(deviation > 0)) fail_usage("--std: ", deviation, ", must be above 0");
}

// The shuffle of Fisher and Yates: all orders are equally likely.
void shuffle(std::vector<int>& order, std::uint64_t seed, std::uint64_t epoch) {
  std::iota(order.begin(), order.end(), 0);
  Random random(seed, Place::shuffle, epoch);
  for (std::size_t i = order.size(); i-- > 1;)
    std::swap(order[i], order[random.below(static_cast<std::uint32_t>(i) + 1)]);
}

}  // namespace

struct Loader::Scratch {
  std::vector<int> order;  // [size of the set], of `epoch`
  std::uint64_t epoch = std::numeric_limits<std::uint64_t>::max();
  AugmentScratch augment;
};

Loader::Loader(const ImageSet& set, const LoaderConfig& config, std::uint64_t first_step)
    : set_(set),
      config_(config),
      side_(set.read ? config.side : set.side),
      next_taken_(first_step),
      next_given_(first_step),
      oldest_in_use_(first_step) {
  check(set, config);
  const Share share = share_of(config.batch_size, config.lane_size, config.rank, config.ranks);
  first_ = share.first;
  images_ = share.images;
  partners_ = mixing_partners(images_, config.lane_size);  // a share is whole lanes
  const Shape images{images_, 3, side_, side_}, targets{images_, config.classes};
  const std::size_t targets_at = (images.size() + 15) / 16 * 16;  // targets begin at a cache line
  slots_.resize(static_cast<std::size_t>(config.workers) + 2);    // one being read, one ready, one for each worker
  for (Slot& slot : slots_) {
    slot.memory = Block(targets_at + targets.size());
    slot.batch.images = Tensor(slot.memory.data(), images);
    slot.batch.targets = Tensor(slot.memory.data() + targets_at, targets);
    slot.batch.labels.resize(static_cast<std::size_t>(images_));
    slot.batch.first = first_;
    slot.batch.of = config.batch_size;
    slot.batch.partner.reserve(partners_.size());
  }
  try {
    for (int w = 0; w < config.workers; ++w) workers_.emplace_back([this] { work(); });
  } catch (const std::system_error& e) {
    const std::size_t started = workers_.size();
    stop_workers();
    fail("--workers: the system gives ", started, " of ", config.workers, " threads (", e.code().message(),
         "): a smaller number will do");
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

void Loader::fill(Slot& slot, std::uint64_t step, Scratch& scratch) const {
  const std::uint64_t batches = static_cast<std::uint64_t>(batches_per_epoch()), epoch = step / batches;
  const std::uint64_t first = step % batches * static_cast<std::uint64_t>(config_.batch_size);
  if (scratch.epoch != epoch) {
    shuffle(scratch.order, config_.seed, epoch);
    scratch.epoch = epoch;
  }
  Batch& batch = slot.batch;
  for (int b = 0; b < images_; ++b) {
    const int place = config_.repeats > 1 ? dealt(first_ + b, config_.batch_size, config_.lane_size) : first_ + b;
    const Repeat item = repeated(scratch.order, config_.repeats, first + static_cast<std::uint64_t>(place));
    training_input(set_, item.image, side_, config_.preprocessing, config_.augment, {config_.seed, epoch, item.key},
                   scratch.augment, batch.images.outer_slice(b, 1).data());
    const int label = set_.labels[static_cast<std::size_t>(item.image)];
    if (label < 0 || label >= config_.classes)
      fail("loader: label ", label, " of image ", item.image, " is not one of ", config_.classes, " classes");
    batch.labels[static_cast<std::size_t>(b)] = label;
  }
  const Mix mix = choose_mix(config_.seed, step, side_, config_.mixing);
  mix_images(mix, partners_, batch.images);
  mix_targets(mix.lambda, partners_, batch.labels, config_.label_smoothing, batch.targets);
  batch.lambda = mix.lambda;
  if (mix.lambda == 1) batch.partner.clear();
  else batch.partner = partners_;
}

const Batch& Loader::next() {
  std::unique_lock lock(mutex_);
  if (next_given_ != oldest_in_use_) {  // the slot of the last batch becomes free
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
