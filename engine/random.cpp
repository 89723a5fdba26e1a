#include "engine/random.h"

#include <cmath>
#include <numbers>

namespace mvmoe {

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> c, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53u} * c[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57u} * c[2];
    c = {static_cast<std::uint32_t>(b >> 32) ^ c[1] ^ key[0], static_cast<std::uint32_t>(b),
         static_cast<std::uint32_t>(a >> 32) ^ c[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key[0] += 0x9E3779B9u;  // the golden ratio and sqrt(3) - 1: the Weyl sequence of the key schedule
    key[1] += 0xBB67AE85u;
  }
  return c;
}

// The counter holds (block, index, step, place), 32 bits each. The upper halves of step and index are combined with the
// seed in the key.
Random::Random(std::uint64_t seed, Place place, std::uint64_t step, std::uint64_t index)
    : key_{static_cast<std::uint32_t>(seed) ^ static_cast<std::uint32_t>(index >> 32),
           static_cast<std::uint32_t>(seed >> 32) ^ static_cast<std::uint32_t>(step >> 32)},
      counter_{0, static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(step),
               static_cast<std::uint32_t>(place)} {}

std::uint32_t Random::bits() {
  if (left_ == 0) {
    block_ = philox(counter_, key_);
    ++counter_[0];
    left_ = 4;
  }
  return block_[static_cast<std::size_t>(--left_)];
}

float Random::uniform() { return static_cast<float>(bits() >> 8) * 0x1p-24f; }

float Random::normal() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_normal_;
  }
  const double u = (static_cast<double>(bits()) + 1) * 0x1p-32;  // (0, 1]: the logarithm stays finite
  const double angle = 2 * std::numbers::pi * static_cast<double>(bits()) * 0x1p-32;
  const double radius = std::sqrt(-2 * std::log(u));
  spare_normal_ = static_cast<float>(radius * std::sin(angle));
  has_spare_ = true;
  return static_cast<float>(radius * std::cos(angle));
}

std::uint32_t Random::below(std::uint32_t n) {
  const std::uint32_t uneven = (0u - n) % n;  // 2^32 mod n values are rejected, so that n equal shares are left
  for (;;) {
    const std::uint64_t product = std::uint64_t{bits()} * n;
    if (static_cast<std::uint32_t>(product) >= uneven) return static_cast<std::uint32_t>(product >> 32);
  }
}

}  // namespace mvmoe
