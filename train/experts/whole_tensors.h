// train/experts/whole_tensors.h: assembles tensors whose experts are on different ranks, for files. A file holds each
// expert under its number among all, so any number of ranks can read it. With several groups of ranks, the first group
// sends its experts; the others have the same.
#pragma once
#include <deque>
#include <functional>
#include <vector>

#include "engine/comm.h"
#include "engine/parameter.h"
#include "train/experts/groups.h"
#include "train/experts/placement.h"

namespace mvmoe {

class WholeTensors {
 public:
  // Keeps references to all four.
  WholeTensors(const Parameters& parameters, const Placement& placement, Comm& comm, Groups& groups)
      : parameters_(parameters),
        placement_(placement),
        comm_(comm),
        group_(groups.group() ? *groups.group() : comm),
        peers_(groups.peers()) {}

  Shape shape(ParameterId id) const;  // of the whole tensor, with all experts

  // Runs `work` on rank 0, as Comm::on_first does. Meanwhile the other ranks send their experts of these blocks, in
  // this order. In `work`, of() assembles them. Collective: every rank must call it.
  void on_first(const std::vector<const Block*>& blocks, const std::function<void()>& work);

  // Rank 0 only, inside `work`: the parameter's tensor in a block, with all experts. Valid until the next call, so only
  // one assembled tensor is in memory. Tensors must be asked for in the order in which they are sent.
  Tensor of(const Block& block, ParameterId id);

  // Sends the tensors of rank 0 to all ranks, each expert to its own ranks. On rank 0, `from` has all experts and
  // `whole` is its layout; on the other ranks both are null. Collective: every rank must call it.
  void distribute(const Parameters* whole, const Block* from, const Block& to);

 private:
  struct Part {
    const Block* block;
    ParameterId id;
    friend bool operator==(const Part&, const Part&) = default;
  };
  Tensor collect(Part part);
  void require_slices(ParameterId id);
  bool in_first_group() const { return !peers_ || peers_->first(); }

  const Parameters& parameters_;
  const Placement& placement_;
  Comm &comm_, &group_;  // rank 0 of all is rank 0 of the first group
  Comm* peers_;
  std::deque<Part> to_come_;  // on rank 0: the parts that the other ranks have yet to send
  std::vector<int> of_rank_;  // [ranks of a group] number of experts
  Block by_rank_, in_order_;  // an assembled tensor: experts sorted by rank, as they arrive; in the order of the file
};

}  // namespace mvmoe
