// engine/context.h: what an operation needs besides its operands. Passed, never global: one per thread.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "engine/arena.h"
#include "engine/gemm.h"
#include "engine/panels.h"
#include "engine/parameter.h"
#include "engine/tape.h"
#include "engine/threads.h"

namespace mvmoe {

// What the numbers drawn in a step are keyed by, and whether the step draws any.
struct StepKey {
  bool training = false;  // drop path and the like are active
  std::uint64_t seed = 0;
  std::uint64_t step = 0;
  std::uint64_t first_image = 0;  // the lane's first image within the global batch; the others follow it
};

class Context {
 public:
  explicit Context(const Parameters& parameters, Kernels kernels = Kernels::fast)
      : tape(arena), kernels(kernels), own_(&parameters), parameters_(&parameters) {}

  // Empties tape and arena. `gradients` is a block of the parameters' layout that backward adds to, or null: then
  // nothing is differentiated and nothing is recorded.
  void begin(StepKey key, const Block* gradients) {
    tape.reset();
    arena.reset();
    this->key = key;
    gradients_ = gradients;
    parameters_ = own_;
    panels = nullptr;
    helpers = nullptr;
    multiply_adds = 0;
    images = nullptr;
    reach_.clear();
  }

  // Until the next `begin` these parameters are read, those of another network. Without gradients.
  void read_from(const Parameters& other) { parameters_ = &other; }

  // The place in the batch of the lane's i-th image, by which its random numbers are keyed.
  std::uint64_t image(int i) const {
    return images ? static_cast<std::uint64_t>(images[i]) : key.first_image + static_cast<std::uint64_t>(i);
  }

  // body(piece, thread) for 0 <= piece < n, each once, by the helpers where there are any. `thread` is below threads().
  // Pieces are cut by the shapes alone, and write to different places.
  template <class Body>
  void share(int n, const Body& body) {
    if (helpers) return helpers->share(n, body);
    for (int piece = 0; piece < n; ++piece) body(piece, 0);
  }
  // body(first, count) for the rows of `like`, some at a time.
  template <class Body>
  void share_rows(Tensor like, const Body& body) {
    const int rows = like.rows(), at_once = std::max(1, 4096 / std::max(1, like.width()));
    share((rows + at_once - 1) / at_once,
          [&](int piece, int) { body(piece * at_once, std::min(at_once, rows - piece * at_once)); });
  }
  int threads() const { return helpers ? helpers->count() : 1; }

  // A parameter as a variable of this recording; with `count`, rows first .. first + count of it along its first axis.
  Var parameter(ParameterId id) { return parameter(id, 0, (*parameters_)[id].shape[0]); }
  Var parameter(ParameterId id, int first, int count) {
    const Tensor value = parameters_->value(id).outer_slice(first, count);
    if (!gradients_) return tape.constant(value);
    const std::size_t end = (*parameters_)[id].offset + (*parameters_)[id].shape.size();
    if (reach_.empty() || reach_.back().end < end) reach_.push_back({tape.entries(), end});
    return tape.leaf(value, parameters_->piece(*gradients_, id).outer_slice(first, count));
  }

  // The end, in a block of the parameters' layout, of what the entries before `entry` read: when backward has done all
  // from `entry` on, the gradients behind this end are complete.
  std::size_t open_until(int entry) const {
    std::size_t n = reach_.size();
    while (n > 0 && reach_[n - 1].entry >= entry) --n;
    return n > 0 ? reach_[n - 1].end : 0;
  }

  Arena arena;
  Tape tape;
  Kernels kernels;
  StepKey key;
  const int* images = nullptr;     // [b] the places of the lane's images, where they do not follow one another
  const Panels* panels = nullptr;  // in inference: the weights as tiles read them
  Threads* helpers = nullptr;      // in inference: the threads that do this lane together; null: the calling one alone
  std::int64_t multiply_adds = 0;  // those done by tiles since `begin`

 private:
  const Parameters* own_;
  const Parameters* parameters_;  // what is read: its own, or another network's
  const Block* gradients_ = nullptr;
  struct Reach {
    int entry;        // the first that may read parameters up to
    std::size_t end;  // here, further than all before
  };
  std::vector<Reach> reach_;
};

}  // namespace mvmoe
