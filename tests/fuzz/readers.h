// tests/fuzz/readers.h: one function for each reader of a file from outside, for the fuzzers and for the replay of what
// they found.
//
// Each gives its reader the input as a file and uses what was read as the program would. It returns where the input was
// read, and where it was refused as it should be: by an Error of one line. Anything else is a find: another exception
// comes out of the function, a sanitizer ends the process.
#pragma once
#include <cstdint>
#include <span>

namespace mvmoe::fuzz {

using Input = std::span<const std::uint8_t>;

void safetensors(Input input);
void pack(Input input);
void idx(Input input);
void cifar(Input input);
void image(Input input);
void confusion(Input input);
void superclasses(Input input);
void config(Input input);
void description(Input input);
void progress(Input input);

struct Reader {
  const char* name;  // also of its file, of its fuzzer and of its folder in tests/fuzz/corpus
  void (*read)(Input input);
};

inline constexpr Reader readers[] = {{"safetensors", safetensors},
                                     {"pack", pack},
                                     {"idx", idx},
                                     {"cifar", cifar},
                                     {"image", image},
                                     {"confusion", confusion},
                                     {"superclasses", superclasses},
                                     {"config", config},
                                     {"description", description},
                                     {"progress", progress}};

}  // namespace mvmoe::fuzz
