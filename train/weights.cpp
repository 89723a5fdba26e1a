#include "train/weights.h"

#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/files.h"
#include "engine/json.h"

namespace mvmoe {
namespace {

using Json = nlohmann::json;

// Names from outside need not be UTF-8: what is broken is replaced, the file is written all the same.
std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json to_json(const ModelDescription& d) {
  Json json{{"model", d.model},
            {"classes", d.classes},
            {"mean", d.preprocessing.mean},
            {"std", d.preprocessing.std},
            {"crop_pct", d.preprocessing.crop_pct},
            {"interpolation", interpolation_name(d.preprocessing.interpolation)},
            {"holdout", {{"share", d.holdout}, {"seed", d.holdout_seed}}}};
  if (!d.superclass_of.empty()) json["superclass_of"] = d.superclass_of;
  return json;
}

ModelDescription description_from(const Json& json) {
  ModelDescription d;
  json.at("model").get_to(d.model);
  json.at("classes").get_to(d.classes);
  json.at("mean").get_to(d.preprocessing.mean);
  json.at("std").get_to(d.preprocessing.std);
  if (json.contains("crop_pct")) json.at("crop_pct").get_to(d.preprocessing.crop_pct);
  if (!(d.preprocessing.crop_pct > 0 && d.preprocessing.crop_pct <= 1)) fail("crop_pct is ", d.preprocessing.crop_pct, ", must be above 0 and at most 1");
  if (json.contains("interpolation")) d.preprocessing.interpolation = interpolation_named(json.at("interpolation"));
  json.at("holdout").at("share").get_to(d.holdout);
  if (!fits<std::uint64_t>(json.at("holdout").at("seed"))) fail("the holdout's seed is not a whole number of 0 or more");
  json.at("holdout").at("seed").get_to(d.holdout_seed);
  check(d.model);
  if (json.contains("superclass_of")) {
    for (const Json& superclass : json.at("superclass_of"))
      if (!fits<int>(superclass)) fail("superclass_of holds something that is no number of a super-class");
    json.at("superclass_of").get_to(d.superclass_of);
  }
  if (!d.superclass_of.empty() && d.superclass_of.size() != d.classes.size())
    fail("super-classes of ", d.superclass_of.size(), " classes for ", d.classes.size(), " classes");
  for (const int superclass : d.superclass_of)
    if (superclass < 0 || superclass >= d.model.moe.experts) fail("super-class ", superclass, " is not one of ", d.model.moe.experts, " experts");
  if (d.classes.size() != static_cast<std::size_t>(d.model.classes))
    fail(d.classes.size(), " class names for ", d.model.classes, " classes");
  return d;
}

}  // namespace

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

void save_weights(const std::filesystem::path& path, const ViT& model, const Block& weights, const ModelDescription& description) {
  const Metadata metadata{{"format", "pt"}, {"mvmoe", dump(to_json(description))}};
  write_safetensors(path, named_tensors(model.parameters(), weights), metadata);
}

void read_parameters(const std::filesystem::path& path, const Parameters& parameters) { read_parameters(path, parameters, parameters.weights()); }

void read_parameters(const std::filesystem::path& path, const Parameters& parameters, const Block& block) {
  const SafetensorsFile file(path);
  for (const auto& entry : file.entries())
    if (!parameters.find(entry.name))
      fail(printable(path.string()), ": has the tensor ", printable(entry.name), " ", entry.shape, ", which this model does not have");
  for (const NamedTensor& tensor : named_tensors(parameters, block)) file.read(tensor.name, tensor.value);
}

std::optional<ModelDescription> description_in(const std::filesystem::path& path) {
  const SafetensorsFile file(path);
  const auto found = file.metadata().find("mvmoe");
  if (found == file.metadata().end()) return {};
  try {
    return description_from(parse_json("the metadata entry mvmoe", found->second));
  } catch (const std::exception& e) {
    fail(printable(path.string()), ": its description of the model is damaged: ", printable(e.what()));
  }
}

LoadedModel load_model(const std::filesystem::path& path) {
  const auto description = description_in(path);
  if (!description)
    fail(printable(path.string()), ": carries no description of the model (metadata entry mvmoe): weights written by mvmoe have one");
  LoadedModel loaded{std::make_unique<ViT>(description->model), *description};
  read_parameters(path, loaded.model->parameters());
  return loaded;
}

}  // namespace mvmoe
