// Runs before any other code of the program, and is compiled for any x86-64 (see the Makefile): a processor without
// an instruction set that the rest was compiled for gets one line instead of "illegal instruction".
#include <unistd.h>

#include <cstring>

#include "engine/processor.h"

namespace {

void write_out(const char* text) {
  if (write(STDERR_FILENO, text, strlen(text)) < 0) return;  // nothing is left to be done about it
}

__attribute__((constructor(101))) void check_processor() {
  const char* missing = mvmoe_missing_instructions(mvmoe_built_for);
  if (!missing) return;
  write_out("mvmoe: this binary was built for a processor with ");
  write_out(missing);
  write_out(
      ", which this one lacks: build it on this machine (make clean all), or anywhere with make ARCH=x86-64-v2\n");
  _exit(1);
}

}  // namespace
