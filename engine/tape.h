// engine/tape.h: records operations, so that backward can differentiate them from the last to the first.
//
// A variable (Var) is a place on the tape: a value and, if it is wanted, the gradient of the loss in that value.
// Each operation appends one entry, in the order of execution. Backward runs the entries from the last to the first.
// So when an entry's backward runs, the gradient of its output is complete: no sort, no recursion.
//
//   Var y = tape.output(shape);                       // memory for the result
//   ... compute y.value() ...
//   tape.record("square", {x}, y, [=] { ... x.grad() += 2 * x.value() * y.grad() ... });
//
// A backward adds to the gradients of its inputs; it never assigns. `x.grad()` is an empty tensor if the gradient is
// not wanted (images, or weights at evaluation). Then the backward leaves that product out.
#pragma once
#include <cstring>
#include <initializer_list>
#include <type_traits>
#include <vector>

#include "engine/arena.h"
#include "engine/tensor.h"
#include "engine/timeline.h"

namespace mvmoe {

class Tape;

class Var {
 public:
  Var() = default;
  Tensor value() const;
  Tensor grad() const;  // filled with zeros at the first call; empty if not wanted
  const Shape& shape() const;
  bool wants_grad() const;
  float item() const;  // the value of a scalar [1]
  bool empty() const { return tape_ == nullptr; }

 private:
  friend class Tape;
  Var(Tape* tape, int index) : tape_(tape), index_(index) {}
  Tape* tape_ = nullptr;
  int index_ = -1;
};

class Tape {
 public:
  explicit Tape(Arena& arena) : arena_(&arena) {}
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  Var constant(Tensor value);           // its gradient is not wanted: images, targets
  Var leaf(Tensor value, Tensor grad);  // a parameter: its gradient is added to `grad`, the caller's memory
  Var output(Shape shape);              // the result of an operation: memory of the arena, not initialised
  // The same value and gradient under another shape. Call it after `of` is recorded: only then is it known whether a
  // gradient is wanted.
  Var view(Var of, Shape shape);

  // Records an operation with the result y. If any input wants a gradient, `backward` is called once, when y.grad()
  // is complete. It is copied into the arena, so it may capture views and numbers only.
  template <class Backward>
  void record(const char* op, std::initializer_list<Var> inputs, Var y, Backward backward) {
    static_assert(std::is_trivially_copyable_v<Backward>, "a backward captures views and numbers, nothing that owns");
    require_own_memory(op, y);
    const int event = timeline_ ? time_forward(op, inputs, y) : -1;
    if (!any_wants_grad(inputs)) return;
    nodes_[static_cast<std::size_t>(y.index_)].wants_grad = true;
    void* closure = arena_->take_bytes(sizeof(Backward));
    std::memcpy(closure, &backward, sizeof(Backward));
    entries_.push_back({op, y.index_, event, closure, [](void* c) { (*static_cast<Backward*>(c))(); }});
  }

  // Records an operation that has no backward, e.g. one for inference. Throws if an input wants a gradient, which would
  // be lost silently.
  void record(const char* op, std::initializer_list<Var> inputs, Var y);

  // Adds the gradient of seed * loss to every leaf. The loss is a scalar [1]. Call it once per recording.
  void backward(Var loss, float seed);

  // The same for a y of any shape, with the cotangent dy of that shape: the gradients of sum(dy * y).
  void backward(Var y, Tensor dy);

  // The same in two calls, for gradients that come from another rank or another tape: `seed` adds dy to the gradient
  // of y; `go_back` runs each backward, from the last down to number `entry`, that has not run yet.
  void seed(Var y, Tensor dy);
  void go_back(int entry = 0);

  // Calls call(context, entry) between two entries of backward, when number `entry` is done, also if it had nothing to
  // do. From then on the entries from `entry` on add nothing more to any gradient. Null: no call.
  struct Between {
    void (*call)(void* context, int entry) = nullptr;
    void* context = nullptr;
  };
  void set_between(Between between) { between_ = between; }

  void reset();  // forgets all variables and entries. The owner of the arena resets the arena

  // From now on each recorded operation, and its backward, adds an event to the timeline; null: none. Only for
  // measuring. Null costs one comparison per operation.
  void set_timeline(Timeline* timeline) { timeline_ = timeline; }

  int entries() const { return static_cast<int>(entries_.size()); }

 private:
  friend class Var;
  struct Node {
    Tensor value = {};
    Tensor grad = {};  // empty until it is first needed
    int viewed = -1;   // for a view: index of the variable it shows; -1: not a view
    bool wants_grad = false;
    bool has_view = false;
    bool owns_grad = false;  // the gradient is memory of the tape, not of the caller; it is reused
  };
  struct Entry {
    const char* op;
    int output;
    int event;  // number of the forward's event in the timeline; -1: not timed
    void* closure;
    void (*call)(void*);
  };

  Var add(Node node);
  void require_own_memory(const char* op, Var y) const;
  bool any_wants_grad(std::initializer_list<Var> inputs) const;
  int time_forward(const char* op, std::initializer_list<Var> inputs, Var y);
  Tensor gradient_of(int index);
  Node& node(int index) { return nodes_[static_cast<std::size_t>(index)]; }

  Arena* arena_;
  Timeline* timeline_ = nullptr;
  Between between_;
  int open_ = -1;  // entries whose backward has not run yet; -1: backward has not begun
  std::vector<Node> nodes_;
  std::vector<Entry> entries_;
  // Gradients that are no longer needed: a gradient lives from the first backward that adds to it until the backward
  // of the entry that made the variable. The memory is reused, the latest first: it may still be in the cache.
  std::vector<Tensor> free_gradients_;
};

}  // namespace mvmoe
