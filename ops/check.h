// ops/check.h: the shape check at the start of every operation.
#pragma once
#include "engine/error.h"
#include "engine/tensor.h"

namespace mvmoe {

// Throws "layer_norm: gamma is [192], x is [8, 65, 64]: gamma must be [64]".
inline void require_shape(const char* op, const char* role, const Shape& is, const Shape& must_be, const char* beside,
                          const Shape& beside_shape) {
  if (is == must_be) return;
  fail(op, ": ", role, " is ", is, ", ", beside, " is ", beside_shape, ": ", role, " must be ", must_be);
}

}  // namespace mvmoe
