#include "train/files/load_model.h"

namespace mvmoe {

std::optional<ModelDescription> description_in(const std::filesystem::path& path) {
  const TensorFiles files(path);
  return description_of(files.shown(), files.metadata());
}

LoadedModel load_model(const std::filesystem::path& path, const SaidOfWeights& said, ReadExperts experts) {
  const TensorFiles files(path);
  std::optional<ModelDescription> description = description_of(files.shown(), files.metadata());
  const bool own = description.has_value();
  if (!own) description = timm_description(files, said);
  apply(said, files.shown(), *description);
  const bool same_positions = own && !said.image;
  const auto are_there = [&](const Parameters& parameters) {
    for (const Parameter& parameter : parameters.list())
      if (parameter.name != "pos_embed" || same_positions) files.require(parameter.name, parameter.shape);
  };
  LoadedModel loaded{std::make_unique<ViT>(description->model, are_there), *description};
  read_tensors(files, *loaded.model, experts);
  return loaded;
}

}  // namespace mvmoe
