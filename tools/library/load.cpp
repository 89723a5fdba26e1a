// tools/library/load.cpp: the first call of a program that uses the library, and the text of errors. Compiled for any
// x86-64 (see the Makefile), so that a processor without what the rest was compiled for gets an error and no signal.
#include "tools/library/load.h"

#include "engine/processor.h"

namespace {

// Of a fixed size, so that "out of memory" can be said as well.
thread_local char last_error[1024];

// Puts `text` behind what stands in the error already; gives where it ends. One line, whatever stands in it: names were
// made printable where the error was made. What is too long ends before a character of UTF-8 that would be cut.
unsigned add(unsigned at, const char* text) {
  const unsigned start = at;
  for (; *text != '\0' && at + 1 < sizeof last_error; ++text)
    last_error[at++] = static_cast<unsigned char>(*text) < ' ' ? ' ' : *text;
  const auto is_inside = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; };
  if (is_inside(*text)) {
    while (at > start && is_inside(last_error[at - 1])) --at;
    if (at > start) --at;
  }
  last_error[at] = '\0';
  return at;
}

}  // namespace

void mvmoe::keep_error(const char* what) { add(0, what); }

const char* mvmoe_error(void) { return last_error; }

mvmoe_model* mvmoe_load(const char* path) {
  const char* missing = mvmoe_missing_instructions(mvmoe_built_for);
  if (!missing) return mvmoe::load_on_this_processor(path);
  add(add(add(0, "mvmoe_load: this library was built for a processor with "), missing),
      ", which this one lacks: build it on this machine, or anywhere with make ARCH=x86-64-v2");
  return nullptr;
}
