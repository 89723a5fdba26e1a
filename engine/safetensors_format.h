// engine/safetensors_format.h: what the writer and the reader of safetensors files share.
#pragma once
#include <bit>
#include <cstdint>
#include <string>

#include "engine/error.h"
#include "engine/files.h"

namespace mvmoe {

static_assert(std::endian::native == std::endian::little, "the format is little-endian, and so are writer and reader");

constexpr std::size_t header_limit = 100'000'000;  // bytes; the limit of the format

// A checksum as it is written in the metadata: 8 digits.
inline std::string hexadecimal(std::uint32_t crc) {
  std::string digits(8, '0');
  for (std::size_t i = 0; i < 8; ++i) digits[i] = "0123456789abcdef"[crc >> (28 - 4 * i) & 15];
  return digits;
}

inline std::string in_quotes(const std::string& name) { return text("'", printable(name), "'"); }

}  // namespace mvmoe
