#include "engine/tape.h"

#include "engine/error.h"

namespace mvmoe {

Tensor Var::value() const { return tape_->node(index_).value; }
Tensor Var::grad() const { return tape_->gradient_of(index_); }
const Shape& Var::shape() const { return tape_->node(index_).value.shape(); }
bool Var::wants_grad() const { return tape_->node(index_).wants_grad; }

float Var::item() const {
  const Tensor v = value();
  if (v.size() != 1) fail("item: the variable is ", v.shape(), ", must be a scalar [1]");
  return v[0];
}

Var Tape::add(Node node) {
  nodes_.push_back(node);
  return {this, static_cast<int>(nodes_.size()) - 1};
}

Var Tape::constant(Tensor value) { return add({.value = value}); }

Var Tape::leaf(Tensor value, Tensor grad) {
  if (!(grad.shape() == value.shape())) fail("leaf: gradient is ", grad.shape(), ", value is ", value.shape());
  return add({.value = value, .grad = grad, .wants_grad = true});
}

Var Tape::output(Shape shape) { return add({.value = arena_->take(shape)}); }

Var Tape::view(Var of, Shape shape) {
  const Node source = node(of.index_);
  node(of.index_).has_view = true;
  const int viewed = source.viewed >= 0 ? source.viewed : of.index_;
  return add({.value = source.value.reshaped(shape), .viewed = viewed, .wants_grad = source.wants_grad});
}

bool Tape::any_wants_grad(std::initializer_list<Var> inputs) const {
  for (const Var& input : inputs)
    if (!input.empty() && input.wants_grad()) return true;
  return false;
}

void Tape::require_own_memory(const char* op, Var y) const {
  const Node& n = nodes_[static_cast<std::size_t>(y.index_)];
  if (n.viewed >= 0) fail(op, ": records a view ", n.value.shape(), ": record the variable that it views");
  if (n.has_view)
    fail(op, ": a view of its result ", n.value.shape(), " was taken before it was recorded: take it after");
}

void Tape::record(const char* op, std::initializer_list<Var> inputs, Var y) {
  if (any_wants_grad(inputs)) fail(op, ": has no backward, but an input wants a gradient");
  if (timeline_) time_forward(op, inputs, y);
}

int Tape::time_forward(const char* op, std::initializer_list<Var> inputs, Var y) {
  std::array<Shape, 3> shapes;
  if (inputs.size() > shapes.size())
    fail(op, ": has ", inputs.size(), " operands, a timeline keeps the shapes of ", shapes.size());
  std::size_t i = 0;
  for (const Var& input : inputs) shapes[i++] = input.empty() ? Shape{} : input.shape();
  return timeline_->add(op, Phase::forward, shapes, y.shape());
}

Tensor Tape::gradient_of(int index) {
  if (node(index).viewed >= 0) {
    if (!node(index).wants_grad) return {};
    return gradient_of(node(index).viewed).reshaped(node(index).value.shape());
  }
  Node& n = node(index);
  if (!n.wants_grad) return {};
  if (!n.grad.empty()) return n.grad;
  for (std::size_t i = free_gradients_.size(); i-- > 0;)
    if (free_gradients_[i].size() == n.value.size()) {
      n.grad = free_gradients_[i].reshaped(n.value.shape());
      free_gradients_.erase(free_gradients_.begin() + static_cast<std::ptrdiff_t>(i));
      break;
    }
  if (n.grad.empty()) n.grad = arena_->take(n.value.shape());
  n.owns_grad = true;
  n.grad.fill(0);
  return n.grad;
}

void Tape::backward(Var loss, float seed) {
  if (loss.value().size() != 1) fail("backward: the loss is ", loss.shape(), ", must be a scalar [1]");
  backward(loss, Tensor(&seed, {1}));
}

void Tape::backward(Var result, Tensor dy) {
  seed(result, dy);
  go_back();
}

void Tape::seed(Var y, Tensor dy) {
  if (!y.wants_grad()) fail("backward: the result depends on nothing that wants a gradient");
  if (!(dy.shape() == y.shape())) fail("backward: dy is ", dy.shape(), ", the result is ", y.shape());
  const Tensor seed = y.grad();
  for (std::size_t i = 0, n = dy.size(); i < n; ++i) seed[i] += dy[i];
  if (timeline_) timeline_->add("seed", Phase::around);
}

void Tape::go_back(int first) {
  if (open_ < 0) open_ = entries();
  while (open_ > first) {
    if (between_.call && open_ < entries()) between_.call(between_.context, open_);
    const Entry entry = entries_[static_cast<std::size_t>(--open_)];
    Node& y = node(entry.output);
    if (y.grad.empty()) continue;  // no later entry added to this gradient: the loss does not depend on y
    entry.call(entry.closure);
    if (y.owns_grad) {
      free_gradients_.push_back(y.grad);
      y.grad = {};
    }
    if (timeline_ && entry.event >= 0) timeline_->add_backward_of(entry.event);
  }
}

void Tape::reset() {
  nodes_.clear();
  entries_.clear();
  free_gradients_.clear();
  open_ = -1;
}

}  // namespace mvmoe
