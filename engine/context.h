// engine/context.h: what an operation needs besides its operands. One per thread; passed as an argument, never global.
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

// The key of a step's random numbers (engine/random.h), and whether the step is a training step.
struct StepKey {
  bool training = false;  // drop path and router noise are active
  std::uint64_t seed = 0;
  std::uint64_t step = 0;
  std::uint64_t first_image = 0;  // index of the lane's first image in the global batch; the others follow
};

class Context {
 public:
  explicit Context(const Parameters& parameters, Kernels kernels = Kernels::fast)
      : tape(arena), kernels(kernels), own_(&parameters), parameters_(&parameters) {}

  // Empties tape and arena. Backward adds to `gradients`, a block of the parameters' layout. If it is null, parameters
  // are constants and nothing is recorded.
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

  // Until the next `begin`, parameters are read from `other`, another network. Only without gradients.
  void read_from(const Parameters& other) { parameters_ = &other; }

  // Index in the global batch of the lane's i-th image: part of the key of its random numbers.
  std::uint64_t image(int i) const {
    return images ? static_cast<std::uint64_t>(images[i]) : key.first_image + static_cast<std::uint64_t>(i);
  }

  // Calls body(piece, thread) once for each 0 <= piece < n; with helpers, on several threads. 0 <= thread < threads().
  // The caller cuts pieces by the shapes alone, and no two pieces write to the same memory.
  template <class Body>
  void share(int n, const Body& body) {
    if (helpers) return helpers->share(n, body);
    for (int piece = 0; piece < n; ++piece) body(piece, 0);
  }
  // Calls body(first, count) for groups of rows; all rows of `like` are covered.
  template <class Body>
  void share_rows(Tensor like, const Body& body) {
    const int rows = like.rows(), at_once = std::max(1, 4096 / std::max(1, like.width()));
    share((rows + at_once - 1) / at_once,
          [&](int piece, int) { body(piece * at_once, std::min(at_once, rows - piece * at_once)); });
  }
  int threads() const { return helpers ? helpers->count() : 1; }

  // A parameter as a variable of this recording. With `count`: only first .. first + count - 1 of its first axis.
  Var parameter(ParameterId id) { return parameter(id, 0, (*parameters_)[id].shape[0]); }
  Var parameter(ParameterId id, int first, int count) {
    const Tensor value = parameters_->value(id).outer_slice(first, count);
    if (!gradients_) return tape.constant(value);
    const std::size_t end = (*parameters_)[id].offset + (*parameters_)[id].shape.size();
    if (reach_.empty() || reach_.back().end < end) reach_.push_back({tape.entries(), end});
    return tape.leaf(value, parameters_->piece(*gradients_, id).outer_slice(first, count));
  }

  // The tape entries before `entry` read parameters below this offset only. So when backward has run all entries from
  // `entry` on, the gradients from this offset to the end of the block are complete.
  std::size_t open_until(int entry) const {
    std::size_t n = reach_.size();
    while (n > 0 && reach_[n - 1].entry >= entry) --n;
    return n > 0 ? reach_[n - 1].end : 0;
  }

  Arena arena;
  Tape tape;
  Kernels kernels;
  StepKey key;
  const int* images = nullptr;     // [b] indices in the global batch of the lane's images; null: they are consecutive
  const Panels* panels = nullptr;  // in inference: the weights in the order in which tiles read them; or null
  Threads* helpers = nullptr;      // in inference: the threads that share this lane; null: the calling thread alone
  std::int64_t multiply_adds = 0;  // in inference, done by tiles since `begin`

 private:
  const Parameters* own_;
  const Parameters* parameters_;  // the ones that are read: own_, or those of read_from
  const Block* gradients_ = nullptr;
  // From tape entry `entry` on, parameters below offset `end` may be read.
  struct Reach {
    int entry;
    std::size_t end;
  };
  std::vector<Reach> reach_;  // both numbers rise
};

}  // namespace mvmoe
