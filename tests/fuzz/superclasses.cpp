// A super-class file of five classes, one of them with a name that must be escaped. What was read is written and read
// again: it must be the same division.
#include "tests/fuzz/input.h"
#include "train/superclass/division_file.h"

namespace mvmoe::fuzz {

void superclasses(Input input) {
  const std::vector<std::string> classes{"a", "b", "c", "d\"\n", "e"};
  const TemporaryFolder folder;
  put_file(folder / "superclasses.json", input);
  expect_answer([&] {
    const SuperClasses read = read_superclasses(folder / "superclasses.json", classes, 3);
    write_superclasses(folder / "again.json", read);
    const SuperClasses again = read_superclasses(folder / "again.json", classes, 3);
    expect(again.of_class == read.of_class && again.method == read.method && again.seed == read.seed,
           "the division does not survive being written");
  });
}

}  // namespace mvmoe::fuzz
