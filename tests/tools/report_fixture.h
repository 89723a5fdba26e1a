// tests/tools/report_fixture.h: the folder of a pipeline, made by hand: four classes whose names would break out of a
// page, two super-classes, two trainings, a comparison.
#pragma once
#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/files.h"
#include "tests/engine/helpers.h"
#include "tools/report/pages.h"

namespace mvmoe::report {

using Json = nlohmann::json;

inline const std::string markup = "<b>&\"'", commas = "a,\"b\", c", control = "tab\tline\nend\x1b[31m",
                         broken = "caf\xff";

// Without write_file's sync to the disk, which would be most of these tests' time.
inline void save(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

inline std::string csv_cell(const std::string& name) {
  std::string out = "\"";
  for (const char c : name) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

struct Fixture {
  TemporaryFolder folder;
  std::vector<std::string> classes{markup, commas, control, broken};
  std::vector<int> superclass_of{1, 0, 1, 0};  // so the order is 1, 3, 0, 2
  std::vector<std::vector<double>> confusion{{8, 0, 2, 0}, {0, 9, 0, 1}, {0, 0, 10, 0}, {0, 6, 0, 4}};
  Json comparison;

  Fixture() {
    const Json figures{{"top1", 40.0}, {"top5", 70.0},      {"macs", 2'000'000},       {"executed_macs", 1'900'000},
                       {"ms", 2.0},    {"params", 300'000}, {"active_params", 300'000}};
    comparison = {
        {"data", "cifar10:/nowhere/<i>"},
        {"model", "vit-6x64"},
        {"epochs", 2},
        {"experts", 2},
        {"moe_layers", 2},
        {"top_k", 1},
        {"routing", "superclass"},
        {"processor", "A <processor>"},
        {"threads", 2},
        {"dense", figures},
        {"control", nullptr},
        {"moe", figures},
        {"oracle_top1", 61.0},
        {"random_router_top1", 21.0},
        {"gain", 5.0},
        {"gain_error", 1.1},
        {"ari", 0.25},
        {"nmi", 0.5},
        {"expert_of_class", {{100, 900}, {1000, 0}, {250, 750}, {600, 400}}},
        {"misrouted", {{{"index", 3}, {"class", 0}, {"expert", 0}, {"probability", 0.987}, {"predicted", 1}}}}};
    comparison["moe"]["top1"] = 45.0;
    comparison["moe"]["router_accuracy"] = 81.25;
    comparison["moe"]["expert_load"] = {48.75, 51.25};
  }

  void write_training(const std::string& part, const std::string& extra = "") const {
    std::filesystem::create_directories(folder / part);
    save(folder / (part + "/config.json"),
         std::string("{\"data\": \"<spec>\", \"model\": \"vit-6x64\", \"epochs\": \"2\"") + extra + "}");
    save(folder / (part + "/log.csv"),
         "epoch,steps,lr,train_loss,test_top1,test_top5,test_loss,holdout_top1,ema_top1,router_accuracy,images_per_s,"
         "seconds\n"
         "1,10,0.001,4.5,20.5,50,3,21,,,1000,10\n2,20,0.0005,3.25,40,70,2.5,41,,,1010,20\n");
  }

  void write() {
    for (const char* part : {"dense", "moe"}) write_training(part);
    if (!comparison["control"].is_null()) write_training("control");
    std::string csv = "class";
    for (const std::string& name : classes) csv += "," + csv_cell(name);
    Json sets = Json::array();
    for (std::size_t t = 0; t < classes.size(); ++t) {
      csv += "\r\n" + csv_cell(classes[t]);
      for (const double value : confusion[t]) csv += "," + text(value);
      while (sets.size() <= static_cast<std::size_t>(superclass_of[t])) sets.push_back(Json::array());
      sets[static_cast<std::size_t>(superclass_of[t])].push_back(classes[t]);
    }
    save(folder / "confusion.csv", csv + "\r\n");
    const auto dump = [](const Json& json) { return json.dump(1, ' ', false, Json::error_handler_t::replace); };
    save(folder / "superclasses.json",
         dump({{"superclasses", sets}, {"method", "spectral"}, {"eigenvalues", {0.0, 0.1, 0.75, 0.8}}}));
    comparison["classes"] = classes;
    comparison["superclass_of"] = superclass_of;
    save(folder / "comparison.json", dump(comparison));
  }
  std::string page() {
    write();
    return page_of({folder.path()});
  }
};

}  // namespace mvmoe::report
