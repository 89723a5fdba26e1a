// tools/mvmoe/processor.h: which instruction sets this binary was compiled for.
#pragma once

// Constant data, written by processor_built_for.cpp, which is compiled like everything else; read by
// processor_check.cpp, which is compiled for any x86-64 and runs before everything else.
struct ProcessorNeeds {
  bool avx, avx2, fma, f16c, bmi2, avx512f, avx512bw, avx512dq, avx512vl, avx512vnni, avx512bf16;
};
extern "C" const ProcessorNeeds mvmoe_built_for;
