// engine/parameter.h: all weights of a model in one flat block. A parameter is a named piece of it with a shape.
//
// Gradients and the optimizer's moments are blocks of the same layout. So the optimizer, the sum over lanes and the sum
// over ranks are loops over one range. Pieces begin on 64-byte boundaries; the floats between two pieces stay 0.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tensor.h"

namespace mvmoe {

// A flat block of floats, zero at first, on huge pages if the system has them. It can be moved, not copied. A const
// Block keeps its memory, but its floats may be written, as with a Tensor.
class Block {
 public:
  Block() = default;
  explicit Block(std::size_t size);
  ~Block();
  Block(Block&& other) noexcept;
  Block& operator=(Block&& other) noexcept;

  float* data() const { return data_; }
  std::size_t size() const { return size_; }
  float& operator[](std::size_t i) const { return data_[i]; }

 private:
  float* data_ = nullptr;
  std::size_t size_ = 0;
};

// How a parameter starts. Its random numbers are keyed by its index: adding a parameter at the end changes no other.
struct Init {
  enum class Kind { zeros, ones, normal, uniform } kind = Kind::zeros;
  float scale = 0;  // normal: standard deviation; uniform: half the width
};

struct Parameter {
  std::string name;  // timm's, e.g. blocks.0.attn.qkv.weight
  Shape shape;
  Init init;
  bool decay = false;  // weight decay: weights of linear, convolution and experts (biases of experts have two axes too)
  int whole = 0;  // stacked parameters that are split over ranks (experts): slices on all ranks together, while `shape`
                  // counts the slices of this rank; 0: not split
  std::size_t offset = 0;
};

// A piece of a block: floats begin .. end - 1.
struct Range {
  std::size_t begin = 0, end = 0;
  friend bool operator==(const Range&, const Range&) = default;
};

using ParameterId = int;

class Parameters {
 public:
  // Declares a parameter. Call it for all parameters before `allocate`. Throws if the name exists already.
  ParameterId add(std::string name, Shape shape, Init init, bool decay = false, int whole = 0);
  // Parameters stand in a block in the order of the list, but those that are split over ranks stand behind all others.
  // So the others have the same offsets on every rank, however many slices a rank has.
  void allocate();
  void initialise(std::uint64_t seed);

  const std::vector<Parameter>& list() const { return list_; }
  const Parameter& operator[](ParameterId id) const { return list_[static_cast<std::size_t>(id)]; }
  const Parameter* find(std::string_view name) const;  // null if there is none

  // The block of all weights. Throws if a parameter was placed elsewhere.
  const Block& weights() const;
  Tensor value(ParameterId id) const { return is_elsewhere(id) ? elsewhere_.at(id).value : piece(weights_, id); }

  // From now on the parameter is read at `value`, which has its shape and must not be written. `owner` keeps that
  // memory alive. The parameter's piece of the block is not used; pages that were never touched take no memory.
  void place_elsewhere(ParameterId id, Tensor value, std::shared_ptr<const void> owner);
  bool is_elsewhere(ParameterId id) const { return !elsewhere_.empty() && elsewhere_.contains(id); }
  Tensor piece(const Block& block, ParameterId id) const;  // the parameter's piece of a block

  std::size_t block_size() const { return block_size_; }  // floats of a block, gaps included
  Range parts() const { return parts_; }                  // where the parameters stand that are split over ranks
  std::size_t count() const;                              // weights, gaps not included

 private:
  std::vector<Parameter> list_;
  std::size_t block_size_ = 0;
  Range parts_;
  Block weights_;
  struct Elsewhere {
    Tensor value;
    std::shared_ptr<const void> owner;
  };
  std::map<ParameterId, Elsewhere> elsewhere_;
};

}  // namespace mvmoe
