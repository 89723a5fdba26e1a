#include "train/experts/whole_tensors.h"

#include <algorithm>

#include "engine/error.h"

namespace mvmoe {
namespace {

// The shape with another length of its first axis.
Shape with_slices(const Shape& shape, int slices) {
  int axes[Shape::max_axes] = {slices};
  for (int a = 1; a < shape.axes(); ++a) axes[a] = shape[a];
  return Shape::from(axes, shape.axes());
}

}  // namespace

Shape WholeTensors::shape(ParameterId id) const {
  const Parameter& p = parameters_[id];
  return p.whole > 0 ? with_slices(p.shape, p.whole) : p.shape;
}

void WholeTensors::on_first(const std::vector<const Block*>& blocks, const std::function<void()>& work) {
  std::deque<Part> parts;
  for (const Block* block : blocks)
    for (std::size_t i = 0; i < parameters_.list().size(); ++i)
      if (parameters_.list()[i].whole > 0) parts.push_back({block, static_cast<ParameterId>(i)});
  if (!comm_.first() && in_first_group())
    for (const Part& part : parts) collect(part);
  comm_.on_first([&] {
    to_come_ = parts;
    const auto receive_the_rest = [&] {  // if `work` fails, the other ranks still send
      for (; !to_come_.empty(); to_come_.pop_front()) collect(to_come_.front());
    };
    try {
      work();
    } catch (...) {
      receive_the_rest();
      throw;
    }
    receive_the_rest();
    by_rank_ = Block(), in_order_ = Block();
  });
}

Tensor WholeTensors::of(const Block& block, ParameterId id) {
  if (parameters_[id].whole == 0) return parameters_.piece(block, id);
  const Part part{&block, id};
  if (to_come_.empty() || !(to_come_.front() == part))
    fail("whole tensors: ", parameters_[id].name, " is not what the other ranks are sending");
  to_come_.pop_front();
  return collect(part);
}

void WholeTensors::require_slices(ParameterId id) {
  of_rank_.assign(static_cast<std::size_t>(group_.ranks()), 0);
  for (const int rank : placement_.rank_of) ++of_rank_[static_cast<std::size_t>(rank)];
  const std::size_t whole = shape(id).size();
  if (comm_.first() && by_rank_.size() < whole) by_rank_ = Block(whole), in_order_ = Block(whole);
}

Tensor WholeTensors::collect(Part part) {
  require_slices(part.id);
  const Tensor own = parameters_.piece(*part.block, part.id), whole(in_order_.data(), shape(part.id));
  const std::size_t slice = own.size() / static_cast<std::size_t>(own.shape()[0]);
  std::vector<int> counts(of_rank_.size()), arriving(of_rank_.size());
  counts[0] = own.shape()[0];
  if (comm_.first()) arriving = of_rank_;
  group_.exchange({own.data(), own.size()}, counts, {by_rank_.data(), comm_.first() ? whole.size() : 0}, arriving,
                  slice);
  if (!comm_.first()) return {};
  const float* next = by_rank_.data();
  for (int rank = 0; rank < group_.ranks(); ++rank)
    for (const int e : placement_.of_rank(rank)) {
      std::copy_n(next, slice, whole.outer_slice(e, 1).data());
      next += slice;
    }
  return whole;
}

void WholeTensors::distribute(const Parameters* whole, const Block* from, const Block& to) {
  for (std::size_t i = 0; i < parameters_.list().size(); ++i) {
    const auto id = static_cast<ParameterId>(i);
    const Tensor own = parameters_.piece(to, id), all = whole ? whole->piece(*from, id) : Tensor{};
    if (parameters_[id].whole == 0) {
      if (whole) own.copy_from(all);
      comm_.broadcast(std::as_writable_bytes(std::span<float>(own.data(), own.size())));
      continue;
    }
    require_slices(id);
    const std::size_t slice = own.size() / static_cast<std::size_t>(own.shape()[0]);
    std::vector<int> counts(of_rank_.size()), arriving(of_rank_.size());
    arriving[0] = own.shape()[0];
    if (whole) {
      counts = of_rank_;
      float* next = by_rank_.data();
      for (int rank = 0; rank < group_.ranks(); ++rank)
        for (const int e : placement_.of_rank(rank)) next = std::copy_n(all.outer_slice(e, 1).data(), slice, next);
    }
    const std::span<float> here(own.data(), own.size());
    if (in_first_group()) group_.exchange({by_rank_.data(), whole ? all.size() : 0}, counts, here, arriving, slice);
    if (peers_) peers_->broadcast(std::as_writable_bytes(here));
  }
  by_rank_ = Block(), in_order_ = Block();
}

}  // namespace mvmoe
