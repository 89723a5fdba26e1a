// engine/parameter.h: all weights of a model in one flat block, each parameter a named, shaped piece of it.
//
// Gradients and the optimizer's moments are blocks of the same layout, so the optimizer, the sum over lanes and a
// collective between machines are loops over one range. Pieces begin on 64-byte boundaries; the floats between two
// pieces stay 0 in every block.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tensor.h"

namespace mvmoe {

// A flat block of floats, zero at first, on huge pages where the system has them. Moves, never copies. A const block
// is one that keeps its memory; as with a tensor, what is written into it is said in a contract.
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

// How a parameter starts (Random, Place::init, keyed by its index: adding one changes no other).
struct Init {
  enum class Kind { zeros, ones, normal, uniform } kind = Kind::zeros;
  float scale = 0;  // standard deviation, or half the uniform's width
};

struct Parameter {
  std::string name;  // timm's, e.g. blocks.0.attn.qkv.weight
  Shape shape;
  Init init;
  bool decay = false;  // weight decay: the weights of linear and convolution, by name and not by axes
  int whole = 0;  // of a stack whose slices are spread over ranks: how many there are in all, where `shape` has those
                  // of this rank; 0: this is no part
  std::size_t offset = 0;
};

// A piece of a block: floats begin .. end.
struct Range {
  std::size_t begin = 0, end = 0;
  friend bool operator==(const Range&, const Range&) = default;
};

using ParameterId = int;

class Parameters {
 public:
  // Declares a parameter; all are declared before `allocate`. Throws on a name twice.
  ParameterId add(std::string name, Shape shape, Init init, bool decay = false, int whole = 0);
  // In a block, parameters follow one another as in the list, but parts of stacks stand behind all others: these have
  // the same places on every rank, however many slices are there.
  void allocate();
  void initialise(std::uint64_t seed);

  const std::vector<Parameter>& list() const { return list_; }
  const Parameter& operator[](ParameterId id) const { return list_[static_cast<std::size_t>(id)]; }
  const Parameter* find(std::string_view name) const;  // null where there is none

  // Throws if a parameter was placed elsewhere.
  const Block& weights() const;
  Tensor value(ParameterId id) const { return is_elsewhere(id) ? elsewhere_.at(id).value : piece(weights_, id); }

  // From here on the parameter is read at `value`, of its shape, which `owner` keeps and nobody writes to. Its piece of
  // the block is left as it was; what was never touched takes no memory.
  void place_elsewhere(ParameterId id, Tensor value, std::shared_ptr<const void> owner);
  bool is_elsewhere(ParameterId id) const { return !elsewhere_.empty() && elsewhere_.contains(id); }
  Tensor piece(const Block& block, ParameterId id) const;  // the same parameter's piece of another block

  std::size_t block_size() const { return block_size_; }  // floats of a block, gaps included
  Range parts() const { return parts_; }                  // where the parts of stacks stand: no other rank has these
  std::size_t count() const;                              // numbers of weights, gaps not included

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
