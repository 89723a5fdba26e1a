// engine/processor.h: which instruction sets the program was compiled for, and whether this processor has them.
#pragma once

// Constant data from processor_built_for.cpp, which is compiled with the flags of the other sources.
struct ProcessorNeeds {
  bool avx = false, avx2 = false, fma = false, f16c = false, bmi2 = false, avx512f = false, avx512bw = false,
       avx512dq = false, avx512vl = false, avx512vnni = false, avx512bf16 = false;
};
extern "C" const ProcessorNeeds mvmoe_built_for;

// The name of an instruction set of `needs` that this processor lacks; null if it has all. It is compiled for any
// x86-64 (see the Makefile), and may be called before any other code.
extern "C" const char* mvmoe_missing_instructions(const ProcessorNeeds& needs);
