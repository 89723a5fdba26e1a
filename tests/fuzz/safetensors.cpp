// A safetensors file: its header, its checksums, and each tensor that has a shape read to floats.
#include "engine/safetensors.h"

#include "tests/fuzz/input.h"

namespace mvmoe::fuzz {

void safetensors(Input input) {
  const TemporaryFolder folder;
  put_file(folder / "file", input);
  expect_answer([&] {
    const SafetensorsFile file(folder / "file");
    for (const SafetensorsFile::Entry& entry : file.entries()) {
      expect(file.find(entry.name) == &entry, "a tensor is not found by its name");
      expect_answer([&] {
        if (entry.shape.axes() == 0) fail("its shape is too large for a Shape");
        std::vector<float> values(entry.shape.size());
        file.read(entry.name, Tensor(values.data(), entry.shape));
      });
    }
    file.verify();
  });
}

}  // namespace mvmoe::fuzz
