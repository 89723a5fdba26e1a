// engine/context.h: what an operation needs besides its operands. Passed, never global: one per thread.
#pragma once
#include <cstdint>

#include "engine/arena.h"
#include "engine/gemm.h"
#include "engine/parameter.h"
#include "engine/tape.h"

namespace mvmoe {

// What the numbers drawn in a step are keyed by, and whether the step draws any.
struct StepKey {
  bool training = false;        // drop path and the like are active
  std::uint64_t seed = 0;
  std::uint64_t step = 0;
  std::uint64_t first_image = 0;  // the lane's first image within the global batch
};

class Context {
 public:
  explicit Context(const Parameters& parameters, Kernels kernels = Kernels::fast)
      : tape(arena), kernels(kernels), parameters_(&parameters) {}

  // Empties tape and arena. `gradients` is a block of the parameters' layout that backward adds to, or null: then
  // nothing is differentiated and nothing is recorded.
  void begin(StepKey key, const Block* gradients) {
    tape.reset();
    arena.reset();
    this->key = key;
    gradients_ = gradients;
  }

  // A parameter as a variable of this recording; with `count`, rows first .. first + count of it along its first axis.
  Var parameter(ParameterId id) { return parameter(id, 0, (*parameters_)[id].shape[0]); }
  Var parameter(ParameterId id, int first, int count) {
    const Tensor value = parameters_->value(id).outer_slice(first, count);
    if (!gradients_) return tape.constant(value);
    return tape.leaf(value, parameters_->piece(*gradients_, id).outer_slice(first, count));
  }

  Arena arena;
  Tape tape;
  Kernels kernels;
  StepKey key;

 private:
  const Parameters* parameters_;
  const Block* gradients_ = nullptr;
};

}  // namespace mvmoe
