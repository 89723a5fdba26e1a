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

  Tensor take(Shape shape);             // not initialised; 64-byte aligned
  void* take_bytes(std::size_t bytes);  // 64-byte aligned
  void reset() { reset({}); }           // everything taken is free again; the chunks stay

  struct Mark {
    std::size_t chunk = 0;  // the one being filled
    std::size_t used = 0;   // bytes of it that are taken
  };
  Mark mark() const { return at_; }
  void reset(Mark mark) { at_ = mark; }  // what was taken since then is free again

  std::size_t capacity() const;  // bytes held from the system
  int chunks() const { return static_cast<int>(chunks_.size()); }

 private:
  struct Chunk {
    std::byte* begin;
    std::size_t size;
  };
  std::vector<Chunk> chunks_;
  Mark at_;
};

}  // namespace mvmoe
