// tools/gradcheck/network.h: a small ViT of models/ as a whole against the reference network, every parameter.
//
// A block that is right alone can still be wired wrongly: a norm twice, a branch without its sum, a gradient block
// read at another parameter's place.
#pragma once
#include <array>

#include "tools/gradcheck/check.h"

namespace mvmoe::gradcheck {

// What the head reads: the class token; the mean of the patches beside it; that of the patches alone, normed behind it.
enum class NetworkEnd { cls, mean, fc_norm };
inline constexpr std::array network_ends{NetworkEnd::cls, NetworkEnd::mean, NetworkEnd::fc_norm};

// Two blocks of width 8 with 2 heads, images 8 by 8 in patches of 4, 3 classes, 3 images; drop path off. One result:
// the worst parameter. The key third of each qkv.bias is held to the same bound, but its true gradient is exactly
// zero (softmax ignores what is added to all scores of a query), so nothing there must exceed a floor.
Result check_network(NetworkEnd end, std::uint64_t seed);

}  // namespace mvmoe::gradcheck
