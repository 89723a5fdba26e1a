#include "engine/parameter.h"

#include <sys/mman.h>

#include <utility>

#include "engine/error.h"
#include "engine/random.h"

namespace mvmoe {

Block::Block(std::size_t size) : size_(size) {
  if (size == 0) return;
  void* memory = mmap(nullptr, size * sizeof(float), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) fail("parameters: the system gives no ", size * sizeof(float) >> 20, " MiB of memory");
  madvise(memory, size * sizeof(float), MADV_HUGEPAGE);
  data_ = static_cast<float*>(memory);
}

Block::~Block() {
  if (data_) munmap(data_, size_ * sizeof(float));
}

Block::Block(Block&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Block& Block::operator=(Block&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

ParameterId Parameters::add(std::string name, Shape shape, Init init, bool decay, int whole) {
  if (find(name)) fail("parameters: ", name, " is declared twice");
  list_.push_back({std::move(name), shape, init, decay, whole, 0});
  return static_cast<ParameterId>(list_.size()) - 1;
}

void Parameters::allocate() {
  const auto place = [&](bool parts) {
    for (Parameter& p : list_)
      if ((p.whole > 0) == parts) {
        p.offset = block_size_;
        block_size_ += (p.shape.size() + 15) / 16 * 16;
      }
  };
  place(false);
  parts_.begin = block_size_;
  place(true);
  parts_.end = block_size_;
  weights_ = Block(block_size_);
}

void Parameters::initialise(std::uint64_t seed) {
  for (std::size_t i = 0; i < list_.size(); ++i) {
    const Tensor value = this->value(static_cast<ParameterId>(i));
    const Init init = list_[i].init;
    Random random(seed, Place::init, 0, i);
    switch (init.kind) {
      case Init::Kind::zeros:
        value.fill(0);
        break;
      case Init::Kind::ones:
        value.fill(1);
        break;
      case Init::Kind::normal:
        for (std::size_t j = 0; j < value.size(); ++j) value[j] = init.scale * random.normal();
        break;
      case Init::Kind::uniform:
        for (std::size_t j = 0; j < value.size(); ++j) value[j] = random.uniform(-init.scale, init.scale);
        break;
    }
  }
}

const Block& Parameters::weights() const {
  if (!elsewhere_.empty())
    fail("parameters: ", (*this)[elsewhere_.begin()->first].name,
         " is not in the block of all weights: it is read from its file when it is used");
  return weights_;
}

void Parameters::place_elsewhere(ParameterId id, Tensor value, std::shared_ptr<const void> owner) {
  if (!(value.shape() == (*this)[id].shape))
    fail("parameters: ", (*this)[id].name, " is ", (*this)[id].shape, ", not ", value.shape());
  elsewhere_[id] = {value, std::move(owner)};
}

const Parameter* Parameters::find(std::string_view name) const {
  for (const Parameter& p : list_)
    if (p.name == name) return &p;
  return nullptr;
}

Tensor Parameters::piece(const Block& block, ParameterId id) const {
  return {block.data() + (*this)[id].offset, (*this)[id].shape};
}

std::size_t Parameters::count() const {
  std::size_t n = 0;
  for (const Parameter& p : list_) n += p.shape.size();
  return n;
}

}  // namespace mvmoe
