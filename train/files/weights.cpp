#include "train/files/weights.h"

#include "engine/error.h"
#include "engine/files.h"

namespace mvmoe {
std::vector<NamedTensor> named_tensors(const Parameters& parameters, const Block& block, const std::string& prefix) {
  std::vector<NamedTensor> tensors;
  for (std::size_t i = 0; i < parameters.list().size(); ++i) {
    const auto id = static_cast<ParameterId>(i);
    tensors.push_back({prefix + parameters[id].name, parameters.piece(block, id)});
  }
  return tensors;
}

void save_weights(const std::filesystem::path& path, const ViT& model, const ModelDescription& description) {
  save_weights(path, model, model.parameters().weights(), description);
}

void save_weights(const std::filesystem::path& path, const ViT& model, const Block& weights,
                  const ModelDescription& description) {
  write_safetensors(path, named_tensors(model.parameters(), weights), metadata_of(description));
}

void save_weights(const std::filesystem::path& path, const ViT& model, const Block& weights,
                  const ModelDescription& description, WholeTensors& whole) {
  write_whole(path, model.parameters(), {{"", &weights}}, whole, metadata_of(description));
}

void write_whole(const std::filesystem::path& path, const Parameters& parameters,
                 const std::vector<PrefixedBlock>& blocks, WholeTensors& whole, const Metadata& metadata) {
  std::vector<NamedShape> shapes;
  for (const PrefixedBlock& b : blocks)
    for (std::size_t i = 0; i < parameters.list().size(); ++i)
      shapes.push_back({b.prefix + parameters.list()[i].name, whole.shape(static_cast<ParameterId>(i))});
  const std::size_t count = parameters.list().size();
  write_safetensors(
      path, shapes,
      [&](std::size_t i) { return whole.of(*blocks[i / count].block, static_cast<ParameterId>(i % count)); }, metadata);
}

void read_parameters(const std::filesystem::path& path, const Parameters& parameters) {
  read_parameters(path, parameters, parameters.weights());
}

void read_parameters(const std::filesystem::path& path, const Parameters& parameters, const Block& block) {
  const SafetensorsFile file(path);
  for (const auto& entry : file.entries())
    if (!parameters.find(entry.name))
      fail(printable(path.string()), ": has the tensor ", printable(entry.name), " ", entry.shape,
           ", which this model does not have");
  for (const NamedTensor& tensor : named_tensors(parameters, block)) file.read(tensor.name, tensor.value);
}

}  // namespace mvmoe
