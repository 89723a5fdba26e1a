// engine/lanes.h: a batch cut into lanes of a few images; each lane runs the whole network on one thread.
//
// The cut is fixed by the configuration, never by the number of threads, so that sums come out the same everywhere.
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
  int gradient_blocks = 16;  // at most; lanes are grouped into so many blocks, and blocks bound the parallel speed-up
};

struct Lane {
  int index;  // in the batch
  int first;  // the lane's first image
  int images;
};

// Which images of a batch, or of a set, are one rank's: whole lanes, and one rank's follow the other's.
struct Share {
  int first = 0, images = 0;
};
Share share_of(int images, int lane_size, int rank, int ranks);

class Lanes {
 public:
  // With `comm`, these are the lanes of one of several ranks; null: alone. With `group`, of some of them that share
  // experts out among themselves (train/experts/groups.h); null: all do.
  Lanes(const Parameters& parameters, const LaneConfig& config, Kernels kernels, Comm* comm = nullptr,
        Comm* group = nullptr);

  static int count(int images, int lane_size) { return (images + lane_size - 1) / lane_size; }
  Share share_of(int images) { return mvmoe::share_of(images, config_.lane_size, comm().rank(), comm().ranks()); }

  // What lanes add to: all of the gradient, or this range; and whether this is the step's last part, after which what
  // is complete begins to be summed over the ranks, until gradients.finish_sums().
  struct Adds {
    Range range;
    bool sum;
  };

  // Runs body(context, lane) for each lane of `images` images on the threads, and adds each lane's gradient to
  // `gradients`, which were told to begin or to go on, in a fixed order. The context is empty and keyed by `key`; it is
  // none of the first `kept`, whose recordings are still needed. No lane at all adds 0. The first exception is thrown
  // again.
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

  // The same in two where lanes meet between forward and backward: forward(context, lane) for every lane, and later
  // backward(context, lane) on the same recordings, and whatever there is to do in between. Every lane keeps its own
  // context, from `kept` on, so the activations of the whole batch are in memory at once. A thread takes fixed blocks,
  // because a recording points into its thread's gradient buffer.
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

  // The same without gradients: nothing is recorded. `panels` are those of the weights as they are, or null. Where
  // there are fewer lanes than threads, all threads do one lane after the other together: the results are the same, bit
  // for bit. `kept` as above.
  template <class Body>
  void infer(int images, const Panels* panels, const Body& body, int kept = 0) {
    infer_lanes(images, panels, kept, [&](int, Context& c, Lane lane) { body(c, lane); });
  }
  // The same with another network, whose parameters and panels these are: on the same threads, and in the same memory.
  // No recording is kept. Where threads write down what they do, a lane is one event of this name.
  template <class Body>
  void infer_other(int images, const Parameters& other, const Panels& panels, const char* name, const Body& body) {
    infer_lanes(images, &panels, 0, [&](int thread, Context& c, Lane lane) {
      c.read_from(other);
      c.tape.set_timeline(nullptr);
      body(c, lane);
      mark(thread, name);
    });
  }
  // The same where lanes keep their contexts, for `between`.
  template <class Body>
  void begin_inference(int images, const Panels* panels, const Body& body) {
    keep(count(images, config_.lane_size));
    in_fixed_blocks(images, [&](int thread, int lane) {
      Context& c = begin(thread, lane, lane, {}, nullptr);
      if (kernels_ == Kernels::fast) c.panels = panels;
      body(c, cut(lane, images));
    });
  }

  // From here on each thread writes down what it does in its own of `timelines` [threads]; null: none does.
  void record_into(std::vector<Timeline>* timelines) { timelines_ = timelines; }
  // An event on every thread: what was done since the last one. Not while a lane runs.
  void mark(const char* name) {
    for (int thread = 0; thread < config_.threads; ++thread) mark(thread, name);
  }

  const LaneConfig& config() const { return config_; }
  Threads& threads() { return threads_; }
  Comm& comm() { return comm_ ? *comm_ : alone_; }
  Comm& group() { return group_ ? *group_ : comm(); }
  std::size_t arena_bytes() const;

 private:
  // While the last lane of several ranks runs backward: merges what it has completed, so that it is summed over the
  // ranks, and lets the sums proceed between two operations.
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

  // body(thread, context, lane) for each lane, without gradients.
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
  // body(thread, piece) for pieces 0, 1, ..: started in this order, on whichever thread is free.
  template <class Body>
  void run(int pieces, const Body& body) {
    std::atomic<int> next{0};
    run([&](int thread) {
      for (int piece = next++; piece < pieces; piece = next++) body(thread, piece);
    });
  }
  // body(thread) on every thread.
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
  // body(lane) for the lanes of a block, one of `blocks` nearly equal parts of all lanes.
  template <class Body>
  static void each_lane(std::int64_t block, int blocks, int lanes, const Body& body) {
    for (int lane = static_cast<int>(block * lanes / blocks); lane < static_cast<int>((block + 1) * lanes / blocks);
         ++lane)
      body(lane);
  }
  // Runs a block's lanes and merges what they left. A thread that fails does not leave the others waiting.
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
  // body(thread, lane) for every lane, on the thread that its block belongs to.
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
  std::vector<std::unique_ptr<Context>> contexts_;  // one a thread; one a lane where lanes meet
};

}  // namespace mvmoe
