#include "train/files/description.h"

#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/files.h"
#include "engine/json.h"

namespace mvmoe {
namespace {

using Json = nlohmann::json;

// Names may be invalid UTF-8. Invalid bytes are replaced, so that the file can be written.
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
  if (!(d.preprocessing.crop_pct > 0 && d.preprocessing.crop_pct <= 1))
    fail("crop_pct is ", d.preprocessing.crop_pct, ", must be above 0 and at most 1");
  if (json.contains("interpolation")) d.preprocessing.interpolation = interpolation_named(json.at("interpolation"));
  json.at("holdout").at("share").get_to(d.holdout);
  if (!fits<std::uint64_t>(json.at("holdout").at("seed")))
    fail("the holdout's seed is not a whole number of 0 or more");
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
    if (superclass < 0 || superclass >= d.model.moe.experts)
      fail("super-class ", superclass, " is not one of ", d.model.moe.experts, " experts");
  if (d.classes.size() != static_cast<std::size_t>(d.model.classes))
    fail(d.classes.size(), " class names for ", d.model.classes, " classes");
  return d;
}

template <class Value>
void require_the_same(const char* flag, const std::optional<Value>& said, Value is, const std::string& shown,
                      const std::string& name) {
  if (said && *said != is) fail_usage(flag, ": contradicts ", shown, ", whose network has ", name);
}

}  // namespace

Metadata metadata_of(const ModelDescription& description) {
  return {{"format", "pt"}, {"mvmoe", dump(to_json(description))}};
}

std::optional<ModelDescription> description_of(const std::string& shown, const Metadata& metadata) {
  const auto found = metadata.find("mvmoe");
  if (found == metadata.end()) return {};
  try {
    return description_from(parse_json("the metadata entry mvmoe", found->second));
  } catch (const std::exception& e) {
    fail(shown, ": its description of the model is damaged: ", printable(e.what()));
  }
}

void apply(const SaidOfWeights& said, const std::string& shown, ModelDescription& d) {
  require_the_same("--heads", said.heads, d.model.heads, shown, std::to_string(d.model.heads));
  require_the_same("--pool", said.pool, d.model.pool, shown, pool_name(d.model.pool));
  if (said.image) d.model.image = *said.image;
  set_colours("--mean", said.mean, d.preprocessing.mean);
  set_colours("--std", said.std, d.preprocessing.std);
  if (said.crop_pct) d.preprocessing.crop_pct = *said.crop_pct;
  if (said.interpolation) d.preprocessing.interpolation = *said.interpolation;
  if (!said.classes.empty()) {
    if (said.classes.size() != static_cast<std::size_t>(d.model.classes))
      fail_usage("--class-names: ", said.classes.size(), " names, the network in ", shown, " has ", d.model.classes,
                 " classes");
    d.classes = said.classes;
    d.named = true;
  }
  check(d.model);
}

}  // namespace mvmoe
