// engine/lanes.h: divides a batch into lanes of a few images. Each lane runs through the whole network on one thread.
//
// The configuration fixes the lanes, never the number of threads. So sums have the same bits for any thread count.
#pragma once
#include <algorithm>
#include <atomic>
#include <memory>
#include <vector>

#include "engine/comm.h"
#include "engine/context.h"
#include "engine/gradients.h"
#include "engine/threads.h"
#include "engine/timeline.h"

namespace mvmoe {

struct LaneConfig {
  int threads = 1;
  int lane_size = 8;         // images
  int gradient_blocks = 16;  // at most; lanes are grouped into blocks, and no more threads than blocks can work
};

struct Lane {
  int index;  // among the lanes of the batch
  int first;  // the lane's first image
  int images;
};

// The images of a batch, or of a data set, that belong to one rank: whole lanes; the ranks' images follow one another.
struct Share {
  int first = 0, images = 0;
};
Share share_of(int images, int lane_size, int rank, int ranks);

class Lanes {
 public:
  // `comm`: all ranks of the run; null: this is the only one. `group`: the ranks that split the experts among
  // themselves (train/experts/groups.h); null: all ranks.
  Lanes(const Parameters& parameters, const LaneConfig& config, Kernels kernels, Comm* comm = nullptr,
        Comm* group = nullptr);

  static int count(int images, int lane_size) { return (images + lane_size - 1) / lane_size; }
  Share share_of(int images) { return mvmoe::share_of(images, config_.lane_size, comm().rank(), comm().ranks()); }

  // The range of the gradient that the lanes add to, and whether to sum it over the ranks. `sum` is true in the last
  // part of a step: then finished chunks are summed at once, and gradients.finish_sums() waits for the rest.
  struct Adds {
    Range range;
    bool sum;
  };

  // Runs body(context, lane) for each lane of `images` images on the threads, and adds each lane's gradient to
  // `gradients` in a fixed order. Call gradients.begin() or go_on() before. The context is empty and has the key `key`.
  // Contexts 0 .. kept - 1 stay untouched, because their recordings are still needed. Zero images contribute zero. The
  // first exception is thrown again.
  template <class Body>
  void train(int images, StepKey key, Gradients& gradients, Adds adds, const Body& body, int kept = 0) {
    const int lanes = count(images, config_.lane_size), blocks = std::min(lanes, config_.gradient_blocks);
    gradients.expect(std::max(1, blocks), adds.sum ? &comm() : nullptr, adds.range);
    if (lanes == 0) return gradients.merge(0, 0);
    keep(kept + config_.threads);
    run(blocks, [&](int thread, int block) {
      merge_block(gradients, thread, block, [&] {
        each_lane(block, blocks, lanes, [&](int lane) {
          Context& context = begin(thread, kept + thread, lane, key, &gradients.buffer(thread));
          MergeMeanwhile meanwhile(context, gradients, comm(), thread, block, adds.sum && lane + 1 == lanes);
          body(context, cut(lane, images));
        });
      });
    });
  }

  // The same in separate calls, for a loss over the whole batch: forward(context, lane) for every lane, then `between`,
  // then backward(context, lane) on the same recordings. Lane i has context kept + i, so the activations of the whole
  // batch are in memory at once. Which thread takes which block is fixed, because a recording points into the gradient
  // buffer of its thread.
  template <class Forward>
  void forward(int images, StepKey key, Gradients& gradients, const Forward& forward, int kept = 0) {
    keep(kept + count(images, config_.lane_size));
    in_fixed_blocks(images, [&](int thread, int lane) {
      forward(begin(thread, kept + lane, lane, key, &gradients.buffer(thread)), cut(lane, images));
    });
  }
  template <class Body>
  void between(int images, const Body& body) {
    in_fixed_blocks(images,
                    [&](int, int lane) { body(*contexts_[static_cast<std::size_t>(lane)], cut(lane, images)); });
  }
  template <class Backward>
  void backward(int images, Gradients& gradients, Adds adds, const Backward& backward, int kept = 0) {
    const int lanes = count(images, config_.lane_size), blocks = std::min(lanes, config_.gradient_blocks);
    gradients.expect(std::max(1, blocks), adds.sum ? &comm() : nullptr, adds.range);
    if (lanes == 0) return gradients.merge(0, 0);
    run([&](int thread) {
      for (int block = thread; block < blocks; block += config_.threads) {
        merge_block(gradients, thread, block, [&] {
          each_lane(block, blocks, lanes, [&](int lane) {
            Context& context = *contexts_[static_cast<std::size_t>(kept + lane)];
            MergeMeanwhile meanwhile(context, gradients, comm(), thread, block, adds.sum && lane + 1 == lanes);
            backward(context, cut(lane, images));
          });
        });
      }
    });
  }

  // Runs body(context, lane) for each lane without gradients: nothing is recorded. `panels` are those of the current
  // weights, or null. With fewer lanes than threads, all threads share each lane, one lane after the other: the results
  // have the same bits. `kept` as in `train`.
  template <class Body>
  void infer(int images, const Panels* panels, const Body& body, int kept = 0) {
    infer_lanes(images, panels, kept, [&](int, Context& c, Lane lane) { body(c, lane); });
  }
  // The same with the parameters and panels of another network, on the same threads and in the same memory. Recordings
  // of earlier calls are lost. In the timelines a lane is one event with this name.
  template <class Body>
  void infer_other(int images, const Parameters& other, const Panels& panels, const char* name, const Body& body) {
    infer_lanes(images, &panels, 0, [&](int thread, Context& c, Lane lane) {
      c.read_from(other);
      c.tape.set_timeline(nullptr);
      body(c, lane);
      mark(thread, name);
    });
  }
  // Inference in which lane i keeps context i, so that `between` can use it.
  template <class Body>
  void begin_inference(int images, const Panels* panels, const Body& body) {
    keep(count(images, config_.lane_size));
    in_fixed_blocks(images, [&](int thread, int lane) {
      Context& c = begin(thread, lane, lane, {}, nullptr);
      if (kernels_ == Kernels::fast) c.panels = panels;
      body(c, cut(lane, images));
    });
  }

  // From now on thread t adds its events to timelines[t]; null: no events.
  void record_into(std::vector<Timeline>* timelines) { timelines_ = timelines; }
  // Adds an event to every thread's timeline: the time since its last event. Not while a lane runs.
  void mark(const char* name) {
    for (int thread = 0; thread < config_.threads; ++thread) mark(thread, name);
  }

  const LaneConfig& config() const { return config_; }
  Threads& threads() { return threads_; }
  Comm& comm() { return comm_ ? *comm_ : alone_; }
  Comm& group() { return group_ ? *group_ : comm(); }
  std::size_t arena_bytes() const;

 private:
  // With several ranks, while the last lane runs backward: after each tape entry it merges the gradients that are
  // complete, which starts their sums over the ranks, and lets these sums make progress.
  class MergeMeanwhile {
   public:
    MergeMeanwhile(Context& context, Gradients& gradients, Comm& comm, int thread, int block, bool on)
        : context_(context), gradients_(gradients), comm_(comm), thread_(thread), block_(block) {
      if (on && comm.ranks() > 1)
        context.tape.set_between(
            {[](void* self, int entry) { static_cast<MergeMeanwhile*>(self)->call(entry); }, this});
    }
    ~MergeMeanwhile() { context_.tape.set_between({}); }
    MergeMeanwhile(const MergeMeanwhile&) = delete;
    MergeMeanwhile& operator=(const MergeMeanwhile&) = delete;

   private:
    void call(int entry) {
      gradients_.merge_complete(thread_, block_, context_.open_until(entry));
      comm_.proceed();
    }
    Context& context_;
    Gradients& gradients_;
    Comm& comm_;
    int thread_, block_;
  };

  // Runs body(thread, context, lane) for each lane, without gradients.
  template <class Body>
  void infer_lanes(int images, const Panels* panels, int kept, const Body& body) {
    const int lanes = count(images, config_.lane_size);
    const bool together = lanes < config_.threads;
    keep(kept + config_.threads);
    const auto infer_lane = [&](int thread, int lane) {
      Context& c = begin(thread, kept + thread, lane, {}, nullptr);
      if (kernels_ == Kernels::fast) c.panels = panels;
      if (together) c.helpers = &threads_;
      body(thread, c, cut(lane, images));
    };
    if (!together) return run(lanes, infer_lane);
    for (int lane = 0; lane < lanes; ++lane) infer_lane(0, lane);
  }
  // Runs body(thread, piece) for pieces 0, 1, ..., started in this order; a free thread takes the next one.
  template <class Body>
  void run(int pieces, const Body& body) {
    std::atomic<int> next{0};
    run([&](int thread) {
      for (int piece = next++; piece < pieces; piece = next++) body(thread, piece);
    });
  }
  // Runs body(thread) on every thread.
  template <class Body>
  void run(const Body& body) {
    threads_.run([&](int thread) {
      mark(thread, "wake");
      body(thread);
    });
    mark("wait");
  }
  void mark(int thread, const char* name) {
    if (timelines_) (*timelines_)[static_cast<std::size_t>(thread)].add(name, Phase::around);
  }
  // Runs body(lane) for the lanes of a block. Lanes are divided into `blocks` nearly equal blocks.
  template <class Body>
  static void each_lane(std::int64_t block, int blocks, int lanes, const Body& body) {
    for (int lane = static_cast<int>(block * lanes / blocks); lane < static_cast<int>((block + 1) * lanes / blocks);
         ++lane)
      body(lane);
  }
  // Runs the lanes of a block (`body`) and merges their gradient. If it throws, no thread waits for this block.
  template <class Body>
  void merge_block(Gradients& gradients, int thread, int block, const Body& body) {
    try {
      body();
      gradients.merge(thread, block);
      mark(thread, "merge");
    } catch (...) {
      gradients.abandon();
      throw;
    }
  }
  Lane cut(int lane, int images) const;
  void keep(int contexts) {
    while (static_cast<int>(contexts_.size()) < contexts)
      contexts_.push_back(std::make_unique<Context>(parameters_, kernels_));
  }
  // Runs body(thread, lane) for every lane, on the thread to which its block belongs.
  template <class Body>
  void in_fixed_blocks(int images, const Body& body) {
    const int lanes = count(images, config_.lane_size), blocks = std::min(lanes, config_.gradient_blocks);
    run([&](int thread) {
      for (int block = thread; block < blocks; block += config_.threads)
        each_lane(block, blocks, lanes, [&](int lane) { body(thread, lane); });
    });
  }
  Context& begin(int thread, int context, int lane, StepKey key, const Block* gradients);

  const Parameters& parameters_;
  Kernels kernels_;
  LaneConfig config_;
  Comm alone_, *comm_, *group_;
  Threads threads_;
  std::vector<Timeline>* timelines_ = nullptr;
  std::vector<std::unique_ptr<Context>> contexts_;  // one per thread; one per lane in `forward` and `backward`
};

}  // namespace mvmoe
