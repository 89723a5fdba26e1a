// engine/processor.h: which instruction sets this was compiled for, and whether this processor has them.
#pragma once

// Constant data, written by processor_built_for.cpp, which is compiled like everything else.
struct ProcessorNeeds {
  bool avx = false, avx2 = false, fma = false, f16c = false, bmi2 = false, avx512f = false, avx512bw = false,
       avx512dq = false, avx512vl = false, avx512vnni = false, avx512bf16 = false;
};
extern "C" const ProcessorNeeds mvmoe_built_for;

// An instruction set of `needs` that this processor lacks, or null: none. Compiled for any x86-64 (see the Makefile),
// and may be called before anything else.
extern "C" const char* mvmoe_missing_instructions(const ProcessorNeeds& needs);
