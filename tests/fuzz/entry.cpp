// tests/fuzz/entry.cpp: what libFuzzer calls with one input after the other; READER is the name of the reader's
// function.
#include "tests/fuzz/readers.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  mvmoe::fuzz::READER({bytes, size});
  return 0;
}
