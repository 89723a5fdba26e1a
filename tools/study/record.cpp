#include "tools/study/record.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <thread>

#include "engine/error.h"
#include "engine/files.h"
#include "engine/json.h"
#include "tools/report/training.h"

namespace mvmoe::study {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* file_name = "study-run.json";
constexpr const char* state_names[] = {"begun", "done", "failed"};

Record record_in(const nlohmann::json& json) {
  Record r;
  json.at("command").get_to(r.command);
  json.at("flags").get_to(r.flags);
  json.at("error").get_to(r.error);
  json.at("seconds").get_to(r.seconds);
  json.at("figures").get_to(r.figures);
  const std::string state = json.at("state");
  const auto found = std::find(std::begin(state_names), std::end(state_names), state);
  if (found == std::end(state_names)) fail("its state is none");
  r.state = static_cast<Record::State>(found - std::begin(state_names));
  return r;
}

std::map<std::string, double> of_pipeline(const fs::path& folder) {
  const nlohmann::json c = read_json(folder / "comparison.json", std::size_t{256} << 20);
  std::map<std::string, double> figures;
  const auto take = [&](const char* name, const nlohmann::json& value) {
    if (value.is_number() && std::isfinite(value.get<double>())) figures[name] = value;
  };
  try {
    take("top1", c.at("moe").at("top1"));
    take("moe_top1", c.at("moe").at("top1"));
    take("dense_top1", c.at("dense").at("top1"));
    if (!c.at("control").is_null()) take("control_top1", c.at("control").at("top1"));
    take("router_accuracy", c.at("moe").at("router_accuracy"));
    for (const char* name : {"oracle_top1", "random_router_top1", "ari", "gain", "gain_error"}) take(name, c.at(name));
  } catch (const nlohmann::json::exception& e) {
    fail(printable((folder / "comparison.json").string()), ": is damaged: ", printable(e.what()));
  }
  return figures;
}

std::map<std::string, double> of_training(const Run& run, const fs::path& folder) {
  const report::Training training = report::read_training(folder, run.variant);
  std::map<std::string, double> figures;
  const auto take = [&](const char* name, const char* column) {
    if (const auto value = report::last_value(training, column)) figures[name] = *value;
  };
  const auto experts = training.configuration.find("experts");
  take("top1", "test_top1");
  take("top5", "test_top5");
  take("router_accuracy", "router_accuracy");
  take(experts == training.configuration.end() || experts->second == "0" ? "dense_top1" : "moe_top1", "test_top1");
  return figures;
}

}  // namespace

std::optional<Record> read_record(const fs::path& run_folder) {
  const fs::path file = run_folder / file_name;
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return {};
  try {
    return record_in(read_json(file, 1 << 20));
  } catch (const nlohmann::json::exception& e) {
    fail(printable(file.string()), ": is damaged: ", printable(e.what()));
  }
}

void write_record(const fs::path& run_folder, const Record& r) {
  const Json json{{"state", state_names[static_cast<int>(r.state)]},
                  {"command", r.command},
                  {"flags", r.flags},
                  {"error", r.error},
                  {"seconds", r.seconds},
                  {"figures", r.figures}};
  write_file(run_folder / file_name, json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
}

std::map<std::string, double> figures_of(const Run& run, const fs::path& run_folder) {
  return run.command == "pipeline" ? of_pipeline(run_folder) : of_training(run, run_folder);
}

std::string place_of(const Run& run, const fs::path& run_folder) {
  try {
    fs::path training = run_folder;
    std::string place;
    if (run.command == "pipeline") {
      const nlohmann::json stages = read_json(run_folder / "stages.json", std::size_t{1} << 26);
      for (const auto& [name, stage] : stages.items())
        if (!stage.at("done").get<bool>()) place = name;
      if (place.empty()) return place;
      training /= place;
      place = "stage " + place;
    }
    std::error_code ignored;
    if (!fs::exists(training / "config.json", ignored)) return place;
    const report::Training t = report::read_training(training, "");
    if (t.epochs.empty() || !t.configuration.contains("epochs")) return place;
    return place + (place.empty() ? "" : ", ") +
           text("epoch ", t.epochs.back().at("epoch"), " of ", t.configuration.at("epochs"), " done");
  } catch (const std::exception&) {  // it is being written, or not there yet: the list says the less
    return "";
  }
}

void require_same_run(const std::string& shown, const Run& run, const Record& record, const fs::path& run_folder,
                      const std::vector<std::string>& may_differ) {
  const std::string what = run.variant.empty() ? "" : "variant " + run.variant + ": ";
  const auto refuse = [&](const std::string& name, const std::string& now, const std::string& before) {
    fail_usage(shown, ": ", what, printable(name), " is ", now.empty() ? "not given" : printable(now), ", the run in ",
               printable(run_folder.string()), " was begun with ", before.empty() ? "none" : printable(before),
               ": give the variant another name, or move that folder away");
  };
  if (record.command != run.command) refuse("command", run.command, record.command);
  FlagMap now = run.flags, before = record.flags;
  for (const std::string& name : may_differ) now.erase(name), before.erase(name);
  // A shared dense training follows from the other flags, which name what differs better.
  for (FlagMap* flags : {&now, &before})
    std::erase_if(*flags,
                  [](const auto& flag) { return flag.first == "dense" && flag.second.starts_with("{folder:dense/"); });
  for (const auto& [name, value] : before)
    if (const auto found = now.find(name); found == now.end() || found->second != value)
      refuse(name, found == now.end() ? "" : found->second, value);
  for (const auto& [name, value] : now)
    if (!before.contains(name)) refuse(name, value, "");
}

std::unique_ptr<FolderLock> claim(const fs::path& run_folder) {
  // Made before the lock looks: what the lock makes itself it takes away again, which another process might see happen.
  std::error_code error;
  fs::create_directories(run_folder, error);
  if (error) fail("--out: ", printable(run_folder.string()), ": cannot be made: ", error.message());
  for (int n = 0; n < 4; ++n) {  // `study --list` holds a lock for a moment, to see whether it is held
    if (n > 0) std::this_thread::sleep_for(std::chrono::milliseconds(25));
    try {
      return std::make_unique<FolderLock>(run_folder);
    } catch (const FolderInUse&) {}
  }
  return nullptr;
}

}  // namespace mvmoe::study
