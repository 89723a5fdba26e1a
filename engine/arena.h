// engine/arena.h: memory for one step of one thread. Taking memory moves a pointer; all of it is freed at once.
//
// A step takes the same sizes in the same order each time. So after the first step no chunk is added, and the system
// allocator is not called again (tests/train/allocation_test.cpp counts that).
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
  void reset() { reset({}); }           // frees everything; the chunks stay

  struct Mark {
    std::size_t chunk = 0;  // index of the chunk being filled
    std::size_t used = 0;   // bytes taken from that chunk
  };
  Mark mark() const { return at_; }
  void reset(Mark mark) { at_ = mark; }  // frees what was taken since the mark

  std::size_t capacity() const;  // bytes obtained from the system
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
