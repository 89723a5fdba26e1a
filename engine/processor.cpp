#include "engine/processor.h"

const char* mvmoe_missing_instructions(const ProcessorNeeds& needs) {
  __builtin_cpu_init();
  if (needs.avx && !__builtin_cpu_supports("avx")) return "AVX";
  if (needs.avx2 && !__builtin_cpu_supports("avx2")) return "AVX2";
  if (needs.fma && !__builtin_cpu_supports("fma")) return "FMA";
#ifndef __clang__  // clang 14 does not know this name
  if (needs.f16c && !__builtin_cpu_supports("f16c")) return "F16C";
#endif
  if (needs.bmi2 && !__builtin_cpu_supports("bmi2")) return "BMI2";
  if (needs.avx512f && !__builtin_cpu_supports("avx512f")) return "AVX512F";
  if (needs.avx512bw && !__builtin_cpu_supports("avx512bw")) return "AVX512BW";
  if (needs.avx512dq && !__builtin_cpu_supports("avx512dq")) return "AVX512DQ";
  if (needs.avx512vl && !__builtin_cpu_supports("avx512vl")) return "AVX512VL";
  if (needs.avx512vnni && !__builtin_cpu_supports("avx512vnni")) return "AVX512VNNI";
  if (needs.avx512bf16 && !__builtin_cpu_supports("avx512bf16")) return "AVX512BF16";
  return nullptr;
}
