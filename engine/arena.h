// engine/arena.h: memory for one step of one thread, given out by moving a pointer and taken back all at once.
//
// A step takes the same sizes in the same order each time, so after the first step no chunk is added any more:
// the system allocator is not called again (a benchmark counts that).
#pragma once
#include <cstddef>
#include <vector>

#include "engine/tensor.h"

namespace mvmoe {

class Arena {
 public:
  Arena() = default;
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  Tensor take(Shape shape);                // not initialised; 64-byte aligned
  void* take_bytes(std::size_t bytes);     // 64-byte aligned
  void reset();                            // everything taken is free again; the chunks stay

  std::size_t capacity() const;            // bytes held from the system
  int chunks() const { return static_cast<int>(chunks_.size()); }

 private:
  struct Chunk {
    std::byte* begin;
    std::size_t size;
  };
  std::vector<Chunk> chunks_;
  std::size_t chunk_ = 0;   // the chunk being filled
  std::size_t used_ = 0;    // bytes of it that are taken
};

}  // namespace mvmoe
