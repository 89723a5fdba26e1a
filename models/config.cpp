#include "models/config.h"

#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "engine/error.h"
#include "engine/files.h"
#include "engine/json.h"
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
  if (value < lowest || value > highest)
    fail_usage(flag, ": ", value, " is out of range: must be from ", lowest, " to ", highest);
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
  require_within("--model: the depth", depth, 1, max_depth);
  require_within("--model: the width", width, 1, 16384);
  ModelConfig config;
  config.depth = depth;
  config.width = width;
  config.heads = default_heads(width);
  return config;
}

namespace {

struct Names {
  static constexpr std::array routing{"superclass", "image", "token"};
  static constexpr std::array balance{"none", "importance-load", "switch", "bias", "expert-choice"};
};

template <class Enum, std::size_t n>
Enum enum_from(const char* flag, const std::array<const char*, n>& names, const std::string& name) {
  for (std::size_t i = 0; i < n; ++i)
    if (name == names[i]) return static_cast<Enum>(i);
  std::vector<std::string> known(names.begin(), names.end());
  std::string all;
  for (const std::string& k : known) all += (all.empty() ? "" : ", ") + k;
  const std::string near = nearest(name, known);
  fail_usage(flag, ": '", printable(name), "' is not one of ", all, near.empty() ? "" : ": did you mean " + near + "?");
}

void check(const MoeConfig& m, int depth) {
  if (m.experts == 0) return;
  require_within("--experts", m.experts, 1, 4096);
  if (m.layers < 1 || m.layers > depth)
    fail_usage("--moe-layers: ", m.layers, " is out of range: the model has ", depth, " layers");
  if (m.top_k < 1 || m.top_k > m.experts)
    fail_usage("--top-k: ", m.top_k, " is out of range: there are ", m.experts, " experts");
  require_within("--shared-experts", m.shared_experts, 0, 64);
  const bool token = m.routing == Routing::token;
  if (!token && (m.capacity != 0 || m.eval_capacity != 0 || m.batch_priority))
    fail_usage(m.batch_priority ? "--batch-priority" : "--capacity", ": limits tokens, and --routing ",
               routing_name(m.routing), " routes whole images: use --routing token");
  if (m.balance == Balance::expert_choice && !token)
    fail_usage("--balance: expert-choice lets experts choose tokens, and --routing ", routing_name(m.routing),
               " routes whole images: use --routing token");
  if (m.routing == Routing::superclass && m.balance != Balance::none)
    fail_usage("--balance: ", balance_name(m.balance),
               " contradicts --routing superclass, whose router follows the super-classes: use none");
  if (!(m.capacity >= 0) || !(m.eval_capacity >= 0) || !(m.router_noise >= 0))
    fail_usage("--capacity, --eval-capacity and --router-noise must be at least 0");
}

}  // namespace

const char* pool_name(Pool p) { return p == Pool::cls ? "cls" : "mean"; }
Pool pool_named(const std::string& name) {
  if (name != "cls" && name != "mean") fail("model: a pool is '", printable(name), "', must be cls or mean");
  return name == "cls" ? Pool::cls : Pool::mean;
}
const char* routing_name(Routing r) { return Names::routing[static_cast<std::size_t>(r)]; }
const char* balance_name(Balance b) { return Names::balance[static_cast<std::size_t>(b)]; }
Routing routing_named(const std::string& name) { return enum_from<Routing>("--routing", Names::routing, name); }
Balance balance_named(const std::string& name) { return enum_from<Balance>("--balance", Names::balance, name); }

void check(const ModelConfig& c) {
  require_within("--model: the depth", c.depth, 1, max_depth);
  require_within("--model: the width", c.width, 1, 16384);
  require_within("--heads", c.heads, 1, c.width);
  require_within("--image-size", c.image, 1, 4096);
  require_within("--patch", c.patch, 1, c.image);
  require_within("--classes", c.classes, 1, 1'000'000);
  if (c.image % c.patch != 0) fail_usage("--patch: ", c.patch, " does not divide the image size ", c.image);
  if (c.width % c.heads != 0) fail_usage("--heads: ", c.heads, " does not divide the width ", c.width);
  if (!(c.mlp_ratio > 0 && c.mlp_ratio <= 64) || c.hidden() < 1)
    fail_usage("--mlp-ratio: ", c.mlp_ratio,
               " is out of range: must be above 0 and at most 64, and give a hidden width of at least 1");
  check(c.moe, c.depth);
  if (!c.class_token && (c.pool == Pool::cls || (c.moe.experts > 0 && c.moe.router_input == Pool::cls)))
    fail_usage(c.pool == Pool::cls ? "--pool" : "--router-input", ": cls: this network has no class token: use mean");
  if (!(c.drop_path >= 0 && c.drop_path < 1))
    fail_usage("--drop-path: ", c.drop_path, " is out of range: must be at least 0 and below 1");
}

// JSON holds enums by their names. The JSON library must find these functions, so they are not in an unnamed namespace.
static void to_json(nlohmann::json& json, Pool p) { json = pool_name(p); }
static void to_json(nlohmann::json& json, Routing r) { json = routing_name(r); }
static void to_json(nlohmann::json& json, Balance b) { json = balance_name(b); }
static void from_json(const nlohmann::json& json, Pool& p) { p = pool_named(json); }
static void from_json(const nlohmann::json& json, Routing& r) { r = routing_named(json); }
static void from_json(const nlohmann::json& json, Balance& b) { b = balance_named(json); }

namespace {

// The fields of a description, for writing and reading. `Moe` and `Model` may be const.
template <class Moe, class Visit>
void each_moe_field(Moe& m, const Visit& visit) {
  visit("experts", m.experts);
  visit("layers", m.layers);
  visit("top_k", m.top_k);
  visit("routing", m.routing);
  visit("router_input", m.router_input);
  visit("balance", m.balance);
  visit("router_noise", m.router_noise);
  visit("capacity", m.capacity);
  visit("eval_capacity", m.eval_capacity);
  visit("batch_priority", m.batch_priority);
  visit("renormalise_gates", m.renormalise_gates);
  visit("shared_experts", m.shared_experts);
}

template <class Model, class Visit>
void each_field(Model& c, const Visit& visit) {
  visit("depth", c.depth);
  visit("width", c.width);
  visit("heads", c.heads);
  visit("patch", c.patch);
  visit("image", c.image);
  visit("classes", c.classes);
  visit("mlp_ratio", c.mlp_ratio);
  visit("pool", c.pool);
  visit("qkv_bias", c.qkv_bias);
  visit("drop_path", c.drop_path);
}

template <class Value>
void read_field(const nlohmann::json& json, const char* name, Value& value) {
  if (!fits<Value>(json.at(name))) fail("model: ", name, " is not a whole number, or not of the size of one");
  json.at(name).get_to(value);
}

}  // namespace

void to_json(nlohmann::json& json, const MoeConfig& m) {
  each_moe_field(m, [&](const char* name, const auto& value) { json[name] = value; });
  if (!m.router_bias) json["router_bias"] = false;
  if (m.equal_start) json["equal_start"] = true;
}

void from_json(const nlohmann::json& json, MoeConfig& m) {
  each_moe_field(m, [&](const char* name, auto& value) { read_field(json, name, value); });
  if (json.contains("router_bias")) json.at("router_bias").get_to(m.router_bias);
  if (json.contains("equal_start")) json.at("equal_start").get_to(m.equal_start);
}

void to_json(nlohmann::json& json, const ModelConfig& c) {
  each_field(c, [&](const char* name, const auto& value) { json[name] = value; });
  if (!c.class_token) json["class_token"] = false;
  if (c.fc_norm) json["fc_norm"] = true;
  if (c.moe.experts > 0) json["moe"] = c.moe;
}

void from_json(const nlohmann::json& json, ModelConfig& c) {
  each_field(c, [&](const char* name, auto& value) { read_field(json, name, value); });
  if (json.contains("class_token")) json.at("class_token").get_to(c.class_token);
  if (json.contains("fc_norm")) json.at("fc_norm").get_to(c.fc_norm);
  if (json.contains("moe")) json.at("moe").get_to(c.moe);
}

}  // namespace mvmoe
