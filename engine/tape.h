// engine/tape.h: the record of what was computed, so that it can be differentiated by walking it backwards.
//
// A variable is a place on the tape: a value and, where somebody wants it, a gradient of the loss in that value.
// Each operation appends one entry in the order of execution; `backward` walks the entries from the last to the
// first, so when an entry's turn comes, the gradient of its output is complete: no sort, no recursion.
//
//   Var y = tape.output(shape);                       // memory for the result
//   ... compute y.value() ...
//   tape.record("square", {x}, y, [=] { ... x.grad() += 2 * x.value() * y.grad() ... });
//
// A backward adds to the gradients of its inputs, never assigns. `x.grad()` is an empty tensor where nobody wants
// the gradient (images, or weights at evaluation): the backward leaves that product out.
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
  Tensor grad() const;  // zero-filled when first asked for; empty when not wanted
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

  Var constant(Tensor value);           // no gradient wanted: images, targets
  Var leaf(Tensor value, Tensor grad);  // a parameter: its gradient is added into the caller's memory
  Var output(Shape shape);              // an operation's result, in the arena, not initialised
  // The same memory, value and gradient, under another shape. Taken after `of` is recorded: whether a gradient is
  // wanted is known then.
  Var view(Var of, Shape shape);

  // Records an operation. `backward` is called once, when y.grad() is complete, if any input wants a gradient.
  // It is copied into the arena, so it captures views and numbers only.
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

  // Records an operation that has no backward: one of inference, or a reader's first. Throws if an input wants a
  // gradient: a silent cut is never made.
  void record(const char* op, std::initializer_list<Var> inputs, Var y);

  // Gradients of seed * loss in every leaf; loss is a scalar [1]. Called once per recording.
  void backward(Var loss, float seed);

  // The same for any y that an operation gave: gradients of the sum of dy * y. dy is shaped as y.
  void backward(Var y, Tensor dy);

  // The same in pieces, for gradients that come from elsewhere: adds dy to y's; then gives all entries from number
  // `entry` on their turn, of those that had none.
  void seed(Var y, Tensor dy);
  void go_back(int entry = 0);

  // From here on `between(context, entry)` is called in backward after each entry's turn, whether it had something to
  // do or not: what the entries from this one on add to gradients is added. Null: nothing is.
  struct Between {
    void (*call)(void* context, int entry) = nullptr;
    void* context = nullptr;
  };
  void set_between(Between between) { between_ = between; }

  void reset();  // forgets everything, keeps the memory; the arena is reset by its owner

  // From here on every operation that is recorded, and its backward, is an event there; null: none is. For measuring
  // alone: it costs a comparison where there is none.
  void set_timeline(Timeline* timeline) { timeline_ = timeline; }

  int entries() const { return static_cast<int>(entries_.size()); }

 private:
  friend class Var;
  struct Node {
    Tensor value = {};
    Tensor grad = {};  // empty until first asked for
    int viewed = -1;   // the node whose memory this one shares
    bool wants_grad = false;
    bool has_view = false;
    bool owns_grad = false;  // the gradient came from the pool and returns to it
  };
  struct Entry {
    const char* op;
    int output;
    int event;  // of the forward in the timeline; -1: it was not timed
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
  int open_ = -1;  // entries that had no turn in backward yet; -1: it has not begun
  std::vector<Node> nodes_;
  std::vector<Entry> entries_;
  // A gradient lives from its first reader's backward to its producer's. Freed ones are taken again, last first,
  // while they are still in the cache.
  std::vector<Tensor> free_gradients_;
};

}  // namespace mvmoe
