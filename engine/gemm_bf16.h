// engine/gemm_bf16.h: the matrix product in bfloat16, where the processor has instructions for it.
#pragma once
#include "engine/gemm.h"

namespace mvmoe {

// Whether gemm_bf16 can run: the processor has AVX512-BF16 (AMX comes with it), and oneDNN is allowed to use it and has
// the product.
bool has_gemm_bf16();

// c = alpha a b + beta c on the calling thread: a and b rounded to bf16, summed in fp32. Shapes are gemm's, checked
// there, and none is 0. Throws if the product cannot run. The processor's instructions take a denormal bf16 for 0.
void gemm_bf16(const Matrix& a, const Matrix& b, const Matrix& c, Factors factors);

}  // namespace mvmoe
