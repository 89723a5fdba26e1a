// tests/fuzz/input.h: what the readers' functions share: the answer that is expected, and inputs that are several
// files.
#pragma once
#include <algorithm>
#include <stdexcept>
#include <string>

#include "engine/error.h"
#include "tests/engine/helpers.h"
#include "tests/fuzz/readers.h"

namespace mvmoe::fuzz {

// Runs body(). An Error is an answer, if it is one line that a terminal shows as it is.
template <class Body>
void expect_answer(const Body& body) {
  std::string message = "an answer";
  try {
    body();
  } catch (const Error& e) {
    message = e.what();
  }
  const auto breaks_a_line = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
  if (message.empty() || std::any_of(message.begin(), message.end(), breaks_a_line))
    throw std::logic_error("the error is not one line: " + message);
}

// What must hold of everything that was read.
inline void expect(bool holds, const char* what) {
  if (!holds) throw std::logic_error(what);
}

// Takes an input apart: before each piece but the last stands its length in 2 bytes, little-endian. A piece that would
// be longer than the input ends with it, so that every input has all its pieces.
class Pieces {
 public:
  explicit Pieces(Input input) : rest_(input) {}
  Input next() {
    const std::size_t length = number(2);
    return take(length);
  }
  std::size_t number(std::size_t bytes) {
    std::size_t value = 0, shift = 0;
    for (const std::uint8_t byte : take(bytes)) value |= std::size_t{byte} << shift, shift += 8;
    return value;
  }
  Input rest() const { return rest_; }

 private:
  Input take(std::size_t bytes) {
    const Input piece = rest_.first(std::min(bytes, rest_.size()));
    rest_ = rest_.subspan(piece.size());
    return piece;
  }
  Input rest_;
};

inline std::uint32_t little_endian(Input bytes, std::size_t at) {
  return static_cast<std::uint32_t>(Pieces(bytes.subspan(at)).number(4));
}

template <class Number>
void put_number(std::span<std::uint8_t> bytes, std::size_t at, Number value, bool big_endian = false) {
  for (std::size_t i = 0; i < sizeof value; ++i)
    bytes[at + i] = static_cast<std::uint8_t>(value >> 8 * (big_endian ? sizeof value - 1 - i : i));
}

}  // namespace mvmoe::fuzz
