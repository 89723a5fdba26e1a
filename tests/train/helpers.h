// tests/train/helpers.h: bytes as gzip packs them.
#pragma once
#include <zlib.h>

#include <cstdint>
#include <vector>

namespace mvmoe {

inline std::vector<std::uint8_t> gzip(const std::vector<std::uint8_t>& plain) {
  z_stream z{};
  deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::vector<std::uint8_t> packed(deflateBound(&z, plain.size()));
  z.next_in = const_cast<Bytef*>(plain.data());
  z.avail_in = static_cast<uInt>(plain.size());
  z.next_out = packed.data();
  z.avail_out = static_cast<uInt>(packed.size());
  deflate(&z, Z_FINISH);
  packed.resize(z.total_out);
  deflateEnd(&z);
  return packed;
}

}  // namespace mvmoe
