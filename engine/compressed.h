// engine/compressed.h: floats in two bytes each, to send less over a network.
//
//   bf16   a float's range with 8 of its 24 digits: an error of 2^-8 of each number at most
//   fp16   11 digits, but a small range: numbers are scaled by a power of two, chosen so that the largest nearly fills
//          the range; 2^-11 of each number, or 2^-39 of the largest where that is more. The scale stands in front, in 4
//          bytes.
//
// Infinity and NaN stay what they are.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace mvmoe {

enum class Compression { none, bf16, fp16 };
inline std::vector<std::string> compression_names() { return {"none", "bf16", "fp16"}; }  // in this order

// Bytes of n numbers; as floats where there is no compression.
std::size_t compressed_bytes(std::size_t n, Compression c);

// `bytes` is compressed_bytes(x.size(), c) long in each. Not for Compression::none.
void compress(std::span<const float> x, Compression c, std::byte* bytes);
void decompress(const std::byte* bytes, Compression c, std::span<float> x);
void add_compressed(const std::byte* bytes, Compression c, std::span<float> x);  // x += what the bytes hold

}  // namespace mvmoe
