#include "models/config.h"

#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "engine/error.h"
#include "engine/files.h"
#include "engine/nearest.h"

namespace mvmoe {
namespace {

struct Preset {
  const char* name;
  int depth, width;
};
constexpr std::array presets{Preset{"vit-tiny", 12, 192},  Preset{"vit-small", 12, 384},  Preset{"vit-base", 12, 768},
                             Preset{"deit-tiny", 12, 192}, Preset{"deit-small", 12, 384}, Preset{"deit-base", 12, 768}};

// "6x64" to {6, 64}; {0, 0} if it is anything else.
std::pair<int, int> depth_by_width(std::string_view text) {
  int depth = 0, width = 0;
  const char* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, depth);
  if (first.ec != std::errc{} || first.ptr == end || *first.ptr != 'x') return {0, 0};
  const auto second = std::from_chars(first.ptr + 1, end, width);
  if (second.ec != std::errc{} || second.ptr != end) return {0, 0};
  return {depth, width};
}

void require_within(const char* flag, int value, int lowest, int highest) {
  if (value < lowest || value > highest) fail_usage(flag, ": ", value, " is out of range: must be from ", lowest, " to ", highest);
}

}  // namespace

int default_heads(int width) {
  int heads = width < 64 ? 1 : width / 64;
  while (heads < width && width % heads != 0) ++heads;
  return heads;
}

ModelConfig model_named(const std::string& name) {
  int depth = 0, width = 0;
  std::vector<std::string> known;
  for (const Preset& preset : presets) {
    known.push_back(preset.name);
    if (name == preset.name) depth = preset.depth, width = preset.width;
  }
  if (name.starts_with("vit-") && depth == 0) std::tie(depth, width) = depth_by_width(std::string_view(name).substr(4));
  if (depth == 0 && width == 0) {
    const std::string near = nearest(name, known);
    fail_usage("--model: '", printable(name), "' is not known", near.empty() ? "" : ": did you mean " + near + "?",
               " (vit-<depth>x<width>, vit-tiny, vit-small, vit-base, deit-tiny, deit-small, deit-base)");
  }
  require_within("--model: the depth", depth, 1, 256);
  require_within("--model: the width", width, 1, 16384);
  ModelConfig config;
  config.depth = depth;
  config.width = width;
  config.heads = default_heads(width);
  return config;
}

void check(const ModelConfig& c) {
  require_within("--model: the depth", c.depth, 1, 256);
  require_within("--model: the width", c.width, 1, 16384);
  require_within("--heads", c.heads, 1, c.width);
  require_within("--image-size", c.image, 1, 4096);
  require_within("--patch", c.patch, 1, c.image);
  require_within("--classes", c.classes, 1, 1'000'000);
  if (c.image % c.patch != 0) fail_usage("--patch: ", c.patch, " does not divide the image size ", c.image);
  if (c.width % c.heads != 0) fail_usage("--heads: ", c.heads, " does not divide the width ", c.width);
  if (!(c.mlp_ratio > 0 && c.mlp_ratio <= 64) || c.hidden() < 1)
    fail_usage("--mlp-ratio: ", c.mlp_ratio, " is out of range: must be above 0 and at most 64, and give a hidden width of at least 1");
  if (!(c.drop_path >= 0 && c.drop_path < 1)) fail_usage("--drop-path: ", c.drop_path, " is out of range: must be at least 0 and below 1");
}

void to_json(nlohmann::json& json, const ModelConfig& c) {
  json = {{"depth", c.depth}, {"width", c.width}, {"heads", c.heads}, {"patch", c.patch}, {"image", c.image},
          {"classes", c.classes}, {"mlp_ratio", c.mlp_ratio}, {"pool", c.pool == Pool::cls ? "cls" : "mean"},
          {"qkv_bias", c.qkv_bias}, {"drop_path", c.drop_path}};
}

void from_json(const nlohmann::json& json, ModelConfig& c) {
  json.at("depth").get_to(c.depth);
  json.at("width").get_to(c.width);
  json.at("heads").get_to(c.heads);
  json.at("patch").get_to(c.patch);
  json.at("image").get_to(c.image);
  json.at("classes").get_to(c.classes);
  json.at("mlp_ratio").get_to(c.mlp_ratio);
  json.at("qkv_bias").get_to(c.qkv_bias);
  json.at("drop_path").get_to(c.drop_path);
  const std::string pool = json.at("pool");
  if (pool != "cls" && pool != "mean") fail("model: pool is '", printable(pool), "', must be cls or mean");
  c.pool = pool == "cls" ? Pool::cls : Pool::mean;
}

}  // namespace mvmoe
