// The description of a model, JSON in the metadata of a file of weights.
#include <nlohmann/json.hpp>

#include "tests/fuzz/input.h"
#include "train/files/load_model.h"

namespace mvmoe::fuzz {

void description(Input input) {
  using Json = nlohmann::json;
  const std::string header = Json{{"__metadata__", {{"mvmoe", std::string(input.begin(), input.end())}}}}.dump(
      -1, ' ', false, Json::error_handler_t::replace);
  std::vector<std::uint8_t> file(8);
  put_number(file, 0, std::uint64_t{header.size()});
  file.insert(file.end(), header.begin(), header.end());
  const TemporaryFolder folder;
  put_file(folder / "weights.safetensors", file);
  expect_answer([&] {
    const std::optional<ModelDescription> read = description_in(folder / "weights.safetensors");
    expect(read && read->classes.size() == static_cast<std::size_t>(read->model.classes),
           "the description is not whole");
  });
}

}  // namespace mvmoe::fuzz
