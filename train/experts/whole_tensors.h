// train/experts/whole_tensors.h: what is spread over the ranks, whole: a file holds experts by their number among all,
// so that any number of ranks reads it, spread or not. Of several groups of ranks, which have the same, the first gives
// what it has.
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
  // All four are kept by whoever owns this.
  WholeTensors(const Parameters& parameters, const Placement& placement, Comm& comm, Groups& groups)
      : parameters_(parameters),
        placement_(placement),
        comm_(comm),
        group_(groups.group() ? *groups.group() : comm),
        peers_(groups.peers()) {}

  Shape shape(ParameterId id) const;  // of the whole

  // Runs work on rank 0, as Comm::on_first does. While it runs, the others send their parts of these blocks, in this
  // order, which `of` puts together. All ranks.
  void on_first(const std::vector<const Block*>& blocks, const std::function<void()>& work);

  // On rank 0, in its work: the parameter's piece of a block, whole, until the next call: a single tensor at a time
  // takes memory.
  Tensor of(const Block& block, ParameterId id);

  // Gives what rank 0 has as a whole (null elsewhere) to the ranks it lives on. `whole` is the layout of `from`. All
  // ranks.
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
  std::deque<Part> to_come_;  // on rank 0: what the others are sending
  std::vector<int> of_rank_;  // [ranks of a group] experts of each
  Block by_rank_, in_order_;  // a whole tensor: as it is sent, and as a file has it
};

}  // namespace mvmoe
