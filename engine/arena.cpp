#include "engine/arena.h"

#include <sys/mman.h>

#include <algorithm>

#include "engine/error.h"

namespace mvmoe {
namespace {

constexpr std::size_t alignment = 64;             // a cache line, and the widest vector
constexpr std::size_t smallest_chunk = 8u << 20;  // 8 MiB: a few huge pages

std::size_t round_up(std::size_t n, std::size_t step) { return (n + step - 1) / step * step; }

}  // namespace

Arena::~Arena() {
  for (const Chunk& chunk : chunks_) munmap(chunk.begin, chunk.size);
}

void* Arena::take_bytes(std::size_t bytes) {
  const std::size_t need = std::max(round_up(bytes, alignment), alignment);
  while (at_.chunk < chunks_.size() && at_.used + need > chunks_[at_.chunk].size) at_ = {at_.chunk + 1, 0};
  if (at_.chunk == chunks_.size()) {
    const std::size_t size = round_up(std::max(need, smallest_chunk), 2u << 20);
    void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) fail("arena: the system gives no ", size >> 20, " MiB of memory");
    madvise(memory, size, MADV_HUGEPAGE);  // a hint: may fail; huge pages only make it a little faster
    chunks_.push_back({static_cast<std::byte*>(memory), size});
  }
  void* result = chunks_[at_.chunk].begin + at_.used;
  at_.used += need;
  return result;
}

Tensor Arena::take(Shape shape) { return {static_cast<float*>(take_bytes(shape.size() * sizeof(float))), shape}; }

std::size_t Arena::capacity() const {
  std::size_t bytes = 0;
  for (const Chunk& chunk : chunks_) bytes += chunk.size;
  return bytes;
}

}  // namespace mvmoe
