// train/whole_tensors.h: what is spread over the ranks, whole: a file holds experts by their number among all, so that any
// number of ranks reads it, spread or not.
#pragma once
#include <deque>
#include <functional>
#include <vector>

#include "engine/comm.h"
#include "engine/parameter.h"
#include "train/placement.h"

namespace mvmoe {

class WholeTensors {
 public:
  // All three are kept by whoever owns this.
  WholeTensors(const Parameters& parameters, const Placement& placement, Comm& comm) : parameters_(parameters), placement_(placement), comm_(comm) {}

  Shape shape(ParameterId id) const;  // of the whole

  // Runs work on rank 0, as Comm::on_first does. While it runs, the others send their parts of these blocks, in this order,
  // which `of` puts together. All ranks.
  void on_first(const std::vector<const Block*>& blocks, const std::function<void()>& work);

  // On rank 0, in its work: the parameter's piece of a block, whole, until the next call: a single tensor at a time takes memory.
  Tensor of(const Block& block, ParameterId id);

  // Gives what rank 0 has as a whole (null elsewhere) to the ranks it lives on. `whole` is the layout of `from`. All ranks.
  void distribute(const Parameters* whole, const Block* from, const Block& to);

 private:
  struct Part {
    const Block* block;
    ParameterId id;
    friend bool operator==(const Part&, const Part&) = default;
  };
  Tensor collect(Part part);
  void require_slices(ParameterId id);

  const Parameters& parameters_;
  const Placement& placement_;
  Comm& comm_;
  std::deque<Part> to_come_;     // on rank 0: what the others are sending
  std::vector<int> of_rank_;     // [ranks] experts of each
  Block by_rank_, in_order_;     // a whole tensor: as it is sent, and as a file has it
};

}  // namespace mvmoe
