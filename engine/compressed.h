// engine/compressed.h: floats in two bytes each, to send less over a network.
//
//   bf16   a float's range with 8 of its 24 binary digits. The error is at most 2^-8 of each number.
//   fp16   11 digits and a small range. Numbers are multiplied by a power of two, so that the largest nearly fills the
//          range. The error is at most 2^-11 of the number or 2^-39 of the largest number, whichever is more. The
//          scale stands in front, in 4 bytes.
//
// Infinity stays infinity, and NaN stays NaN.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace mvmoe {

enum class Compression { none, bf16, fp16 };
inline std::vector<std::string> compression_names() { return {"none", "bf16", "fp16"}; }  // in this order

// Bytes that n numbers take; 4 n without compression.
std::size_t compressed_bytes(std::size_t n, Compression c);

// `bytes` has compressed_bytes(x.size(), c) bytes. Not for Compression::none.
void compress(std::span<const float> x, Compression c, std::byte* bytes);
void decompress(const std::byte* bytes, Compression c, std::span<float> x);
void add_compressed(const std::byte* bytes, Compression c, std::span<float> x);  // adds the numbers in `bytes` to x

}  // namespace mvmoe
