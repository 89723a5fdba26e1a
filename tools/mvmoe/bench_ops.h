// tools/mvmoe/bench_ops.h: each operation of a network by itself.
#pragma once
#include <vector>

#include "engine/lanes.h"
#include "models/config.h"
#include "tools/mvmoe/op_table.h"

namespace mvmoe {

// Runs forward and backward of every operation that a network of this configuration is made of, `repeats` times after
// `warmup`, at the shapes of a lane of images, on every thread at once, each with its own memory. The operands are in
// the cache. What a row's time is of: one call on each thread.
std::vector<OpRow> time_ops(const ModelConfig& config, const LaneConfig& lanes, Kernels kernels, int warmup,
                            int repeats);

}  // namespace mvmoe
