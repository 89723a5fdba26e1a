// engine/gemm_bf16.h: the matrix product in bfloat16, for processors that have instructions for it.
#pragma once
#include "engine/gemm.h"

namespace mvmoe {

// True if gemm_bf16 can run: the processor has AVX512-BF16 (a processor with AMX has it too), oneDNN may use it, and
// this oneDNN has the product.
bool has_gemm_bf16();

// c = alpha a b + beta c on the calling thread: a and b are rounded to bf16, sums are fp32. gemm has checked the
// shapes, and none is 0. Throws if the product cannot run. The processor's instructions treat a denormal bf16 as 0.
void gemm_bf16(const Matrix& a, const Matrix& b, const Matrix& c, Factors factors);

}  // namespace mvmoe
