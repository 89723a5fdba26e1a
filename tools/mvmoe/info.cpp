// tools/mvmoe/info.cpp: `mvmoe info`: this machine and this build, or what a file holds.
#include <dnnl.h>

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "engine/comm.h"
#include "engine/cores.h"
#include "engine/error.h"
#include "engine/files.h"
#include "engine/gemm_bf16.h"
#include "engine/json.h"
#include "tools/mvmoe/commands.h"
#include "tools/mvmoe/machine.h"
#include "tools/mvmoe/options.h"
#include "train/data/pack.h"
#include "train/files/timm.h"

namespace mvmoe {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::vector<std::string> instruction_sets() {
  std::vector<std::string> sets;
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2")) sets.push_back("avx2");
  if (__builtin_cpu_supports("fma")) sets.push_back("fma");
  if (__builtin_cpu_supports("avx512f")) sets.push_back("avx512f");
  if (__builtin_cpu_supports("avx512vnni")) sets.push_back("avx512vnni");
  if (__builtin_cpu_supports("avx512bf16")) sets.push_back("avx512bf16");
  return sets;
}

Json machine() {
  const dnnl_version_t* v = dnnl_version();
  const auto sets = instruction_sets();
  return {{"processor", processor_name()},
          {"instruction_sets", sets},
          {"cores", available_cores()},
          {"pinning", pinning()},
          {"onednn", std::to_string(v->major) + "." + std::to_string(v->minor) + "." + std::to_string(v->patch)},
          {"bf16", has_gemm_bf16()},
          {"mpi", Comm::has_mpi() ? Json(Comm::version()) : Json(false)}};
}

// What timm's tensors and the config.json beside them say; null: nobody says it, and a flag must.
Json timms(const TensorFiles& files) {
  const auto or_null = [](const auto& value) { return value ? Json(*value) : Json(nullptr); };
  try {
    const TimmNetwork network = timm_network(files);
    const ModelConfig& m = network.model;
    const TimmConfig& c = network.configuration;
    return {{"depth", m.depth},
            {"width", m.width},
            {"heads", or_null(c.heads)},
            {"patch", m.patch},
            {"image", m.image},
            {"classes", m.classes},
            {"mlp_ratio", m.mlp_ratio},
            {"pool", c.pool ? Json(pool_name(*c.pool)) : Json(nullptr)},
            {"qkv_bias", m.qkv_bias},
            {"class_token", m.class_token},
            {"fc_norm", m.fc_norm},
            {"mean", or_null(c.mean)},
            {"std", or_null(c.std)},
            {"crop_pct", or_null(c.crop_pct)},
            {"interpolation", c.interpolation ? Json(interpolation_name(*c.interpolation)) : Json(nullptr)}};
  } catch (const Error& e) {
    return e.what();  // the file is described all the same: it need not hold a network
  }
}

Json describe(const fs::path& path) {
  const TensorFiles files(path);
  Json tensors = Json::array();
  std::size_t numbers = 0;
  for (const auto* entry : files.entries()) {
    std::vector<int> shape;
    for (int i = 0; i < entry->shape.axes(); ++i) shape.push_back(entry->shape[i]);
    tensors.push_back({{"name", entry->name}, {"dtype", entry->dtype}, {"shape", shape}});
    numbers += entry->shape.size();
  }
  Json json{{"file", path.string()}, {"tensors", tensors}, {"numbers", numbers}, {"verified", files.verify()}};
  if (const auto found = files.metadata().find("mvmoe"); found != files.metadata().end())
    json["description"] = parse_json(printable(path.string()) + ": the metadata entry mvmoe", found->second);
  else if (files.find("patch_embed.proj.weight")) json["network"] = timms(files);
  return json;
}

// Every image against its checksum.
Json describe_pack(const fs::path& path) {
  const Pack pack(path);
  int damaged = 0;
  std::string first;
  for (int i = 0; i < pack.images(); ++i) {
    try {
      pack.verify(i);
    } catch (const Error& e) {
      if (damaged++ == 0) first = e.what();
    }
  }
  if (damaged > 0) fail(first, damaged > 1 ? text("; ", damaged, " of ", pack.images(), " images are damaged") : "");
  return {{"pack", path.string()},
          {"format", pack.format() == PackFormat::raw ? "raw" : "jpeg"},
          {"size", pack.size()},
          {"training_images", pack.training_images()},
          {"test_images", pack.images() - pack.training_images()},
          {"bytes", pack.bytes()},
          {"verified", pack.images()},
          {"classes", pack.classes()}};
}

void print(const Json& json) {
  for (const auto& [key, value] : json.items()) {
    if (key == "tensors") {
      for (const auto& t : value)
        std::printf("%-40s %-5s %s\n", printable(t["name"].get<std::string>()).c_str(),
                    t["dtype"].get<std::string>().c_str(), t["shape"].dump().c_str());
      continue;
    }
    const std::string text =
        value.is_string() ? value.get<std::string>() : value.dump(-1, ' ', false, Json::error_handler_t::replace);
    std::printf("%-17s %s\n", key.c_str(), printable(text).c_str());
  }
}

}  // namespace

int info_command(const Words& words) {
  std::vector<std::string> files;
  bool json = false;
  Flags flags("info [FILE]",
              "This machine and this build; or what a weights file, a checkpoint's folder or a pack holds, every "
              "checksum verified.");
  flags.add_positional("FILE", files,
                       "a safetensors file or the index JSON of several, a checkpoint's folder, or a pack");
  flags.add("json", json, "as one JSON object in the last line of stdout");
  if (!flags.parse(words)) return 0;
  if (files.size() > 1) fail_usage("'", printable(files[1]), "' is one word too many: mvmoe info [FILE]");

  Json result;
  if (files.empty()) {
    result = machine();
  } else if (fs::is_directory(files[0])) {
    if (!fs::exists(fs::path(files[0]) / "state.json"))
      fail(printable(files[0]),
           ": is no checkpoint's folder: a run's are checkpoints/step-N in it, its weights last.safetensors and "
           "best.safetensors");
    result["checkpoint"] = files[0];
    result["state"] = read_json(fs::path(files[0]) / "state.json", 1 << 20);
    for (const std::string part : {"weights", "moments", "ema"}) {
      const fs::path file = fs::path(files[0]) / (part + ".safetensors");
      result[part] = nullptr;
      if (part == "ema" && !fs::exists(file)) continue;  // only where the weights are averaged
      const Json described = describe(file);
      result[part] = {{"tensors", described["tensors"].size()}, {"verified", described["verified"]}};
    }
  } else if (Pack::begins_like_one(files[0])) {
    result = describe_pack(files[0]);
  } else {
    result = describe(files[0]);
  }
  if (json) print_json(result);
  else if (files.empty() || !result.contains("weights")) print(result);
  else std::printf("%s\n", result.dump(1).c_str());
  return 0;
}

}  // namespace mvmoe
