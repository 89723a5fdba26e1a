// Runs before any other code of the program, and is compiled for any x86-64 (see the Makefile): a processor without
// an instruction set that the rest was compiled for gets one line instead of "illegal instruction".
#include <unistd.h>

#include <cstring>

#include "tools/mvmoe/processor.h"

namespace {

void write_out(const char* text) {
  if (write(STDERR_FILENO, text, strlen(text)) < 0) return;  // nothing is left to be done about it
}

__attribute__((constructor(101))) void check_processor() {
  const ProcessorNeeds& needs = mvmoe_built_for;
  const char* missing = nullptr;
  __builtin_cpu_init();
  if (needs.avx && !__builtin_cpu_supports("avx")) missing = "AVX";
  if (needs.avx2 && !__builtin_cpu_supports("avx2")) missing = "AVX2";
  if (needs.fma && !__builtin_cpu_supports("fma")) missing = "FMA";
#ifndef __clang__  // which (14) does not know the name
  if (needs.f16c && !__builtin_cpu_supports("f16c")) missing = "F16C";
#endif
  if (needs.bmi2 && !__builtin_cpu_supports("bmi2")) missing = "BMI2";
  if (needs.avx512f && !__builtin_cpu_supports("avx512f")) missing = "AVX512F";
  if (needs.avx512bw && !__builtin_cpu_supports("avx512bw")) missing = "AVX512BW";
  if (needs.avx512dq && !__builtin_cpu_supports("avx512dq")) missing = "AVX512DQ";
  if (needs.avx512vl && !__builtin_cpu_supports("avx512vl")) missing = "AVX512VL";
  if (needs.avx512vnni && !__builtin_cpu_supports("avx512vnni")) missing = "AVX512VNNI";
  if (needs.avx512bf16 && !__builtin_cpu_supports("avx512bf16")) missing = "AVX512BF16";
  if (!missing) return;
  write_out("mvmoe: this binary was built for a processor with ");
  write_out(missing);
  write_out(", which this one lacks: build it on this machine (make clean all), or anywhere with make ARCH=x86-64-v2\n");
  _exit(1);
}

}  // namespace
