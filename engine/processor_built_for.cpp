#include <string_view>

#include "engine/processor.h"

// The compiler defines __AVX2__ as 1 if it may use AVX2. Turned into text, a defined macro becomes "1", and an
// undefined one becomes its own name. So no #ifdef is needed for each.
#define MVMOE_TEXT(macro) #macro
#define MVMOE_DEFINED(macro) (std::string_view(MVMOE_TEXT(macro)) == "1")

extern "C" constexpr ProcessorNeeds mvmoe_built_for{
    .avx = MVMOE_DEFINED(__AVX__),
    .avx2 = MVMOE_DEFINED(__AVX2__),
    .fma = MVMOE_DEFINED(__FMA__),
    .f16c = MVMOE_DEFINED(__F16C__),
    .bmi2 = MVMOE_DEFINED(__BMI2__),
    .avx512f = MVMOE_DEFINED(__AVX512F__),
    .avx512bw = MVMOE_DEFINED(__AVX512BW__),
    .avx512dq = MVMOE_DEFINED(__AVX512DQ__),
    .avx512vl = MVMOE_DEFINED(__AVX512VL__),
    .avx512vnni = MVMOE_DEFINED(__AVX512VNNI__),
    .avx512bf16 = MVMOE_DEFINED(__AVX512BF16__),
};
