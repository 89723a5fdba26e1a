#include "train/files/timm_config.h"

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "engine/error.h"
#include "engine/files.h"
#include "engine/json.h"
#include "train/input/preprocess.h"

namespace mvmoe {
namespace {

using Json = nlohmann::json;

constexpr std::size_t largest_config = std::size_t{16} << 20;  // bytes; ImageNet-21k's names are 1 MB

// An object of the file; every complaint names the file and the entry.
class Entries {
 public:
  Entries(const std::string& shown, std::string where, const Json& json)
      : shown_(shown), where_(std::move(where)), json_(json) {
    if (!json.is_object())
      fail(shown_, ": ", where_.empty() ? "its JSON" : where_.substr(0, where_.size() - 1), " is not an object");
  }

  const Json* find(const char* key) const {
    return json_.contains(key) && !json_[key].is_null() ? &json_[key] : nullptr;
  }
  Entries inside(const char* key) const {
    static const Json none = Json::object();
    const Json* value = find(key);
    return {shown_, where_ + key + ".", value ? *value : none};
  }

  template <class Value>
  std::optional<Value> get(const char* key) const {
    const Json* value = find(key);
    if (!value) return {};
    if (std::is_same_v<Value, int> && !(value->is_number_integer() && std::abs(value->get<double>()) < 1e9))
      complain(key, "must be a whole number");
    try {
      return value->get<Value>();
    } catch (const Json::exception&) {
      complain(key, "is of the wrong kind");
    }
  }

  template <class... Parts>
  [[noreturn]] void complain(const char* key, const Parts&... parts) const {
    const Json* value = find(key);
    fail(shown_, ": ", where_, printable(key), " is ",
         value ? printable(value->dump(-1, ' ', false, Json::error_handler_t::replace)) : "missing", ": ", parts...);
  }

  const Json& json() const { return json_; }

 private:
  const std::string& shown_;
  std::string where_;
  const Json& json_;
};

std::optional<std::array<float, 3>> colours(const Entries& entries, const char* key, float lowest) {
  const auto values = entries.get<std::vector<float>>(key);
  if (!values) return {};
  if (values->size() != 3) entries.complain(key, "must be three numbers, one a colour");
  for (const float value : *values)
    if (!(value >= lowest && value <= 1)) entries.complain(key, "must be numbers from ", lowest, " to 1");
  return std::array<float, 3>{(*values)[0], (*values)[1], (*values)[2]};
}

std::optional<int> square_side(const Entries& entries, const char* key, std::size_t axes) {
  const Json* value = entries.find(key);
  if (!value) return {};
  if (axes == 2 && value->is_number_integer()) return entries.get<int>(key);
  const auto sizes = entries.get<std::vector<double>>(key);
  if (sizes->size() != axes || sizes->back() != (*sizes)[axes - 2])
    entries.complain(key, "only square images are read");
  if (!(sizes->back() >= 1 && sizes->back() <= 4096)) entries.complain(key, "must be from 1 to 4096 pixels");
  return static_cast<int>(sizes->back());
}

void read_preprocessing(const Entries& entries, TimmConfig& config) {
  if (const auto mean = colours(entries, "mean", 0)) config.mean = mean;
  if (const auto std = colours(entries, "std", 1e-6f)) config.std = std;
  if (const auto crop_pct = entries.get<float>("crop_pct")) {
    if (!(*crop_pct > 0 && *crop_pct <= 1)) entries.complain("crop_pct", "must be above 0 and at most 1");
    config.crop_pct = crop_pct;
  }
  if (const auto interpolation = entries.get<std::string>("interpolation")) {
    if (*interpolation != "bicubic" && *interpolation != "bilinear")
      entries.complain("interpolation", "must be bicubic or bilinear");
    config.interpolation = interpolation_named(*interpolation);
  }
  if (const auto mode = entries.get<std::string>("crop_mode"); mode && *mode != "center")
    entries.complain("crop_mode", "only the centre is cut out here");
  if (const auto side = square_side(entries, "input_size", 3)) config.image = side;
}

// What VisionTransformer was built with.
void read_model_args(const Entries& entries, TimmConfig& config) {
  // These entries are read here, or can be seen in the tensors, or have no effect at evaluation. Any other entry must
  // have a value that switches nothing on.
  static const std::set<std::string> known{
      "num_heads",      "img_size",       "patch_size",  "in_chans",      "num_classes",     "global_pool",
      "embed_dim",      "depth",          "mlp_ratio",   "qkv_bias",      "init_values",     "class_token",
      "fc_norm",        "no_embed_class", "drop_rate",   "pos_drop_rate", "patch_drop_rate", "proj_drop_rate",
      "attn_drop_rate", "drop_path_rate", "weight_init", "fix_init",      "dynamic_img_size"};
  static const std::map<std::string, Json> usual{
      {"pos_embed", "learn"}, {"proj_bias", true}, {"final_norm", true}, {"reg_tokens", 0}};
  for (const auto& [key, value] : entries.json().items()) {
    const auto as_usual = usual.find(key);
    const bool off = value.is_null() || (value == Json(false) && as_usual == usual.end());
    if (!known.contains(key) && !off && !(as_usual != usual.end() && value == as_usual->second))
      entries.complain(key.c_str(), "such a network is not read");
  }
  config.heads = entries.get<int>("num_heads");
  if (config.heads && *config.heads < 1) entries.complain("num_heads", "must be at least 1");
  if (const auto side = square_side(entries, "img_size", 2)) config.image = side;
}

std::optional<Pool> pool_of(const Entries& entries) {
  const auto name = entries.get<std::string>("global_pool");
  if (!name) return {};
  if (*name == "token") return Pool::cls;
  if (*name == "avg") return Pool::mean;
  entries.complain("global_pool", "must be token or avg");
}

// label_names: a list, or a map from numbers to names. label_descriptions: a map from names to descriptions.
std::vector<std::string> class_names(const Entries& entries) {
  const Json* names = entries.find("label_names");
  if (!names) return {};
  std::vector<std::string> classes;
  if (names->is_object()) {
    for (std::size_t i = 0; i < names->size(); ++i) {
      const auto found = names->find(std::to_string(i));
      if (found == names->end() || !found->is_string()) entries.complain("label_names", "has no name for class ", i);
      classes.push_back(found->get<std::string>());
    }
  } else {
    classes = *entries.get<std::vector<std::string>>("label_names");
  }
  const Entries descriptions = entries.inside("label_descriptions");
  for (std::string& name : classes)
    if (const auto description = descriptions.get<std::string>(name.c_str())) name += ": " + *description;
  return classes;
}

}  // namespace

std::optional<int> heads_of_architecture(const std::string& architecture) {
  static const std::regex pattern("(vit|deit|deit3)_(tiny|small|medium|base|large|huge)_patch[0-9]{1,3}_[0-9]{1,4}");
  static const std::map<std::string, int> heads{{"tiny", 3},  {"small", 6},  {"medium", 8},
                                                {"base", 12}, {"large", 16}, {"huge", 16}};
  std::smatch match;
  if (architecture.size() > 64 || !std::regex_match(architecture, match, pattern)) return {};
  return heads.at(match[2]);
}

TimmConfig timm_config_beside(const std::filesystem::path& weights) {
  const std::filesystem::path path = weights.parent_path() / "config.json";
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return {};
  TimmConfig config{.shown = printable(path.string()),
                    .architecture = {},
                    .heads = {},
                    .image = {},
                    .pool = {},
                    .mean = {},
                    .std = {},
                    .crop_pct = {},
                    .interpolation = {},
                    .classes = {}};
  const std::vector<std::uint8_t> bytes = read_file(path, largest_config);
  const Json json =
      parse_json(config.shown + ": its text", {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  const Entries top(config.shown, "", json);
  if (!top.find("architecture") && !top.find("pretrained_cfg") && !top.find("model_args"))
    return {};  // another program's
  config.architecture = top.get<std::string>("architecture").value_or("");
  if (config.architecture.find("siglip") != std::string::npos ||
      config.architecture.find("quickgelu") != std::string::npos)
    top.complain("architecture", "its activation is not the exact GELU that is computed here");
  read_preprocessing(top, config);
  read_preprocessing(top.inside("pretrained_cfg"), config);
  read_model_args(top.inside("model_args"), config);
  if (!config.heads) config.heads = heads_of_architecture(config.architecture);
  config.pool = pool_of(top);
  if (!config.pool) config.pool = pool_of(top.inside("model_args"));
  config.classes = class_names(top);
  if (config.classes.empty()) config.classes = class_names(top.inside("pretrained_cfg"));
  return config;
}

}  // namespace mvmoe
