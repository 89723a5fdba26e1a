// tools/mvmoe/pipeline.cpp: `mvmoe pipeline`: the whole method, each stage the command that a user could give.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/files.h"
#include "engine/json.h"
#include "tools/mvmoe/commands.h"
#include "tools/mvmoe/machine.h"
#include "tools/mvmoe/pipeline_options.h"
#include "tools/mvmoe/ranks.h"
#include "tools/mvmoe/recipes.h"
#include "tools/mvmoe/train_options.h"
#include "tools/pipeline/compare.h"
#include "tools/pipeline/stages.h"
#include "tools/pipeline/table.h"
#include "tools/pipeline/verdict.h"
#include "tools/report/pages.h"
#include "tools/report/training.h"
#include "train/experts/groups.h"
#include "train/files/start.h"
#include "train/log/progress_bar.h"
#include "train/run_folder.h"
#include "train/step/stop.h"
#include "train/superclass/class_names.h"
#include "train/superclass/confusion_csv.h"
#include "train/superclass/division_file.h"
#include "train/superclass/score.h"

namespace mvmoe {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

Words operator+(Words a, const Words& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

int stop_code() { return exit_code_of(stop_signal()); }

// A network's losses: in training as its log says, on the test set as it was judged.
Losses losses_of(const fs::path& run, const Contestant& judged) {
  std::vector<double> of_epoch;
  for (const report::Point& epoch : report::values_of(report::read_training(run, ""), "train_loss"))
    of_epoch.push_back(epoch.y);
  return {.train = of_epoch.empty() ? 0 : of_epoch.back(), .test = judged.loss, .fall = fall_in_last_quarter(of_epoch)};
}

Json verdict_of(const Comparison& c, const fs::path& folder, int experts) {
  const Evidence evidence{
      .gain = c.gain,
      .gain_error = c.gain_error,
      .dense = c.control ? losses_of(folder / "control", *c.control) : losses_of(folder / "dense", c.dense),
      .moe = losses_of(folder / "moe", c.moe),
      .moe_top1 = c.moe.top1,
      .router_accuracy = c.router_accuracy,
      .oracle_top1 = c.oracle_top1,
      .experts = experts};
  Json reasons = Json::array();
  for (const Reason& reason : verdict(evidence)) reasons.push_back({{"kind", reason.kind}, {"text", reason.text}});
  return reasons;
}

int run_compare(const PipelineOptions& o, const DataSet& data, Comm& comm) {
  const fs::path folder = o.train.out;
  const bool upcycled = o.train.upcycle;
  const SuperClasses division =
      read_superclasses(folder / "superclasses.json", data.classes, o.train.model.moe.experts);
  ProgressBar bar(ProgressBar::mode_for_stderr(o.train.quiet || !comm.first()), o.train.log_interval);
  const auto keep_on = [&](int images, int of) {
    return bar.show(WorkLine{"comparing", images, of}), stop_signal() == 0;
  };
  const auto comparison =
      compare({.dense = folder / "dense/last.safetensors",
               .moe = folder / "moe/last.safetensors",
               .control = upcycled ? std::optional(folder / "control/last.safetensors") : std::nullopt},
              data,
              {.superclass_of = division.of_class,
               .lanes = o.train.threads.lanes(),
               .kernels = o.train.threads.kernels_to_run(),
               .seed = o.train.seed,
               .keep_on = keep_on,
               .comm = &comm});
  if (!comparison) return exit_code_of(agree_on_stop(comm, stop_signal()));
  const bool known = !data.coarse_of_class.empty();
  Json json{
      {"data", o.train.data},
      {"model", o.train.model.model},
      {"epochs", o.train.epochs},
      {"experts", o.train.model.moe.experts},
      {"moe_layers", o.train.model.moe.layers},
      {"top_k", o.train.model.moe.top_k},
      {"routing", o.train.model.moe.routing},
      {"init_from", o.train.init_from.empty() ? Json(nullptr) : Json(o.train.init_from)},
      {"processor", processor_name()},
      {"threads", o.train.threads.lanes().threads},
      {"classes", data.classes},
      {"superclass_of", division.of_class},
      {"sizes", division.sizes()},
      {"ari", known ? Json(adjusted_rand_index(division.of_class, data.coarse_of_class)) : Json(nullptr)},
      {"nmi", known ? Json(normalised_mutual_information(division.of_class, data.coarse_of_class)) : Json(nullptr)}};
  json.update(to_json(*comparison));
  comm.on_first([&] {
    json["verdict"] = verdict_of(*comparison, folder, o.train.model.moe.experts);
    write_file(folder / "comparison.json", json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
  });
  return 0;
}

// The dense network needs every weight of the file to start from: what it did not find would start anew there, and the
// sparse one would be compared with less. A file that is gone by now was read before.
void check_start(const PipelineOptions& o, const DataSet& data) {
  const std::string& file = o.train.init_from;
  std::error_code ignored;
  if (file.empty() || !fs::exists(file, ignored)) return;
  ModelOptions options = o.train.model;
  ModelConfig dense = options.resolve(data.train.side, static_cast<int>(data.classes.size()));
  agree_on_heads(said_of_start(file), file, true, options, dense);
  dense.moe = {};
  if (!start_from(file, ViT(dense)).fresh.empty())
    fail_usage("--init-from: ", printable(file),
               " holds a sparse network, and the dense network starts from it too: "
               "name a dense network's weights");
}

std::vector<Stage> stages_of(const PipelineOptions& o, const Flags& flags, const DataSet& data, Together& together) {
  const std::string out = o.train.out, dense = out + "/dense/last.safetensors",
                    superclasses = out + "/superclasses.json";
  const bool guided = o.train.model.moe.routing == "superclass", upcycle = o.train.upcycle;
  const std::string init_from = o.train.init_from;
  const Words quiet(o.train.quiet ? 1 : 0, "--quiet"),
      manner = words_of(flags, without({"expert-parallel"}, manner_flags)) + quiet;
  const Words data_and_threads{"--data",      o.train.data,
                               "--threads",   std::to_string(o.train.threads.threads),
                               "--kernels",   o.train.threads.kernels,
                               "--precision", o.train.threads.precision};
  const std::string epochs = std::to_string(o.train.epochs) + (o.train.epochs == 1 ? " epoch" : " epochs"),
                    E = std::to_string(o.train.model.moe.experts);
  const auto training = [=, &flags](bool sparse) {
    Words words = words_of(flags, without(unread_flags(o.train), recipe_of(sparse))) + manner;
    if (sparse && o.train.expert_parallel) words.push_back("--expert-parallel");
    return words;
  };
  std::vector<Stage> stages;
  // What later stages read of a training; its checkpoints make these anew where they are missing.
  const auto results_of = [](const std::string& run) { return std::vector<fs::path>{run + "/last.safetensors"}; };
  const auto check_division = [=, &data] { read_superclasses(superclasses, data.classes, o.train.model.moe.experts); };
  std::vector<fs::path> given;  // by the user, to every training
  if (!o.train.teacher.empty()) given.push_back(fs::absolute(o.train.teacher));
  if (!init_from.empty()) given.push_back(fs::absolute(init_from));
  const std::string from_there = init_from.empty() ? "" : " from " + printable(init_from);
  const auto and_given = [=](std::vector<fs::path> inputs) {
    inputs.insert(inputs.end(), given.begin(), given.end());
    return inputs;
  };
  if (o.dense.empty()) {
    stages.push_back({"dense",
                      "train " + o.train.model.model + " for " + epochs + from_there,
                      given,
                      {"dense"},
                      results_of("dense"),
                      [&] { check_start(o, data); },
                      [=, &together] {
                        Words words = training(false) + Words{"--out", out + "/dense", "--resume"};
                        if (!init_from.empty()) words = words + Words{"--init-from", init_from};
                        return together.run("train", words);
                      }});
  } else {
    std::vector<fs::path> taken{fs::absolute(o.dense) / "last.safetensors"};
    if (!init_from.empty()) taken.push_back(fs::absolute(init_from));
    stages.push_back({"dense",
                      "take " + o.train.model.model + " from " + printable(o.dense),
                      taken,
                      {"dense"},
                      results_of("dense"),
                      [&] { require_dense(flags, o, crc32_of(data.train)); },
                      [=] {
                        copy_dense(o.dense, out + "/dense");
                        return 0;
                      }});
  }
  stages.push_back({"confusion",
                    "what it takes for what, on the held-out part",
                    {"dense/last.safetensors"},
                    {"confusion.csv"},
                    {"confusion.csv"},
                    {},
                    [=, &together] {
                      return together.run("confusion",
                                          Words{"--weights", dense, "--out", out + "/confusion.csv", "--kind", o.kind} +
                                              data_and_threads + quiet);
                    }});
  std::vector<fs::path> division_inputs{"confusion.csv"};
  if (o.method == "file") division_inputs.push_back(fs::absolute(o.file));
  const auto check_confusion = [=] { read_confusion(out + "/confusion.csv"); };
  stages.push_back({"superclasses",
                    E + " super-classes (" + o.method + ")",
                    division_inputs,
                    {"superclasses.json"},
                    {"superclasses.json"},
                    check_confusion,
                    [=] {
                      Words words{"--confusion", out + "/confusion.csv",
                                  "--experts",   E,
                                  "--out",       superclasses,
                                  "--method",    o.method,
                                  "--max-size",  std::to_string(o.max_size),
                                  "--seed",      std::to_string(o.train.seed),
                                  "--data",      o.train.data};
                      if (o.method == "file") words = words + Words{"--file", o.file};
                      return superclasses_command(words + quiet);
                    }});
  if (upcycle)
    stages.push_back({"control",
                      "train the dense network for " + epochs + " more",
                      and_given({"dense/last.safetensors"}),
                      {"control"},
                      results_of("control"),
                      {},
                      [=, &together] {
                        return together.run("train", training(false) + Words{"--out", out + "/control", "--resume",
                                                                             "--init-from", dense});
                      }});
  std::vector<fs::path> moe_inputs;
  if (guided) moe_inputs.push_back("superclasses.json");
  if (upcycle) moe_inputs.push_back("dense/last.safetensors");
  const std::string begin = upcycle             ? "upcycle it and train"
                            : init_from.empty() ? "train the same network"
                                                : "upcycle " + printable(init_from) + " and train";
  stages.push_back({"moe",
                    begin + " with " + E + " experts for " + epochs,
                    and_given(moe_inputs),
                    {"moe"},
                    results_of("moe"),
                    [=, &o, &data] {
                      check_division();
                      check_start(o, data);
                    },
                    [=, &together] {
                      Words words = training(true) + Words{"--out", out + "/moe", "--resume"};
                      if (guided) words = words + Words{"--superclasses", superclasses};
                      if (upcycle) words = words + Words{"--upcycle", "--init-from", dense};
                      if (!init_from.empty()) words = words + Words{"--upcycle", "--init-from", init_from};
                      return together.run("train", words);
                    }});
  std::vector<fs::path> compared{"dense/last.safetensors", "moe/last.safetensors", "superclasses.json"};
  if (upcycle) compared.push_back("control/last.safetensors");
  stages.push_back({"compare",
                    "both on the test set",
                    compared,
                    {"comparison.json"},
                    {"comparison.json"},
                    check_division,
                    [&together] { return together.run("compare"); }});
  std::vector<fs::path> shown{"comparison.json", "confusion.csv", "superclasses.json", "dense/log.csv", "moe/log.csv"};
  if (upcycle) shown.push_back("control/log.csv");
  stages.push_back({"report", "a page of it all", shown, {"report.html"}, {"report.html"}, {}, [=] {
                      write_file(fs::path(out) / "report.html", report::page_of({out}));
                      return 0;
                    }});
  return stages;
}

// What can be known to be wrong is said before hours are spent.
void check_all(const PipelineOptions& o, const DataSet& data, int ranks) {
  const int classes = static_cast<int>(data.classes.size());
  require_method(o.train);
  if (o.train.expert_parallel) group_size(o.train.model.moe.experts, ranks);
  if (o.method == "file" && o.file.empty()) fail_usage("--superclasses: is missing: --method file reads it");
  if (o.method != "file" && !o.file.empty()) fail_usage("--superclasses: needs --method file, is ", o.method);
  if (o.method == "file" && o.max_size > 0) fail_usage("--max-size: with --method file the sizes are the file's");
  index_of_names(data.classes, "--data: " + printable(o.train.data));  // no two of one name
  const auto held_out = choose_holdout(data.train.labels, classes, o.train.holdout, o.train.seed);
  if (std::count(held_out.begin(), held_out.end(), true) == 0)
    fail_usage("--holdout: ", o.train.holdout, " of each class is no image: a larger share is needed");
  check_division(classes, o.train.model.moe.experts, o.max_size);
  if (!o.file.empty() && fs::exists(o.file)) read_superclasses(o.file, data.classes, o.train.model.moe.experts);
}

void print_json_result(const Json& c, const fs::path& folder) {
  const Json control = c.at("control").is_null() ? Json(nullptr) : c.at("control").at("top1");
  print_json({{"dense_top1", c.at("dense").at("top1")},
              {"moe_top1", c.at("moe").at("top1")},
              {"gain", c.at("gain")},
              {"gain_error", c.at("gain_error")},
              {"control_top1", control},
              {"oracle_top1", c.at("oracle_top1")},
              {"random_router_top1", c.at("random_router_top1")},
              {"dense_macs", c.at("dense").at("macs")},
              {"moe_macs", c.at("moe").at("macs")},
              {"dense_ms", c.at("dense").at("ms")},
              {"moe_ms", c.at("moe").at("ms")},
              {"router_accuracy", c.at("moe").at("router_accuracy")},
              {"expert_load", c.at("moe").at("expert_load")},
              {"sizes", c.at("sizes")},
              {"ari", c.at("ari")},
              {"nmi", c.at("nmi")},
              {"verdict", c.value("verdict", Json(nullptr))},
              {"path", (folder / "report.html").string()}});
}

// On rank 0: what is not done of the stages, and the result. `part`: of something larger, which speaks of a stop
// itself.
int run_stages(const PipelineOptions& o, const Flags& flags, const std::vector<std::string>& names, const DataSet& data,
               Together& together, bool part) {
  const fs::path folder = o.train.out, config_file = folder / "config.json";
  const std::string data_crc32 = std::to_string(crc32_of(data.train)) + " " + std::to_string(crc32_of(data.test));
  if (const nlohmann::json stored =
          fs::exists(config_file) ? read_configuration(config_file, "--out") : nlohmann::json::object();
      stored.value("data_crc32", data_crc32) != data_crc32)
    fail_usage("--data: ", printable(o.train.data), " holds other images or labels than those that ",
               printable(o.train.out), " was made with: choose another --out");

  Stages stages(folder, stages_of(o, flags, data, together));
  stages.check_next();  // before anything is written; each stage checks again when it begins
  if (!fs::exists(folder / "stages.json")) write_file(folder / "stages.json", "{}\n");
  nlohmann::json all = flags.values(names);  // as it was resolved
  all["data_crc32"] = data_crc32;
  write_file(config_file, all.dump(1) + "\n");
  if (!o.train.quiet) std::fprintf(stderr, "%s: the stages\n%s", printable(o.train.out).c_str(), stages.plan().c_str());
  const int code = stages.run(
      [&](int number, const Stage& stage) {
        if (!o.train.quiet)
          std::fprintf(stderr, "\nstage %d, %s: %s\n", number, stage.name.c_str(), stage.what.c_str());
      },
      stop_code);
  if (code != 0) {
    if (!part) std::fprintf(stderr, "mvmoe: the pipeline was stopped; the same command goes on\n");
    return code;
  }
  const Json comparison = read_json(folder / "comparison.json", std::size_t{256} << 20);
  if (o.train.json) print_json_result(comparison, folder);
  else
    std::printf("\n%s\nrun folder: %s\nreport: %s\n", table(comparison).c_str(), printable(o.train.out).c_str(),
                printable((folder / "report.html").string()).c_str());
  return 0;
}

int pipeline(const Words& words, Comm& comm, bool part, const FolderLock* held) {
  PipelineOptions o;
  Flags flags("pipeline --data SPEC --out DIR [flags]",
              "The whole method: train a dense network, find what it confuses, make super-classes of that, train a "
              "sparse network by them, compare.");
  declare(flags, o);
  if (!flags.parse(words)) return 0;
  apply_recipe(flags, o.train.recipe);
  if (o.train.upcycle || !o.train.init_from.empty()) o.train.model.moe.renormalise_gates = true;  // as train does
  flags.require("out");
  if (o.train.out.empty()) fail_usage("--out: is empty, must be a folder");
  compress_sums(comm, o.train.ranks);
  settle(comm, o.train.ranks, o.train.threads, true);  // the stages that train say where ranks are
  listen_for_stop_signals(comm.first());
  const fs::path folder = o.train.out, config_file = folder / "config.json";
  std::optional<FolderLock> lock;
  bool goes_on = false;
  std::vector<std::string> names = recipe_of(true);
  names.insert(names.end(), method_flags.begin(), method_flags.end());
  comm.on_first([&] {
    if (!held) lock.emplace(folder);
    if (fs::exists(config_file)) {
      if (!fs::exists(folder / "stages.json"))
        fail_usage("--out: ", printable(o.train.out), " holds a run that is no pipeline's: choose another folder");
      agree_with_folder(flags, names, config_file);
      goes_on = true;
    } else if (fs::exists(folder / "stages.json") || fs::exists(folder / "dense") ||
               fs::exists(folder / "confusion.csv") || holds_run(folder)) {
      fail_usage("--out: ", printable(o.train.out), " holds a run already: choose another folder");
    }
  });
  comm.everywhere([&] {  // said before hours are spent
    std::error_code unknown;
    if (!fs::exists(folder / "lock", unknown))
      fail("--out: ", printable(o.train.out),
           " is not the folder that rank 0 has locked: every rank reads what the stages write there");
  });
  take_from_first(comm, flags, names);
  goes_on = comm.sum(goes_on ? 1.0 : 0.0) > 0;
  require_one_start(o.train);
  require_optimizer(flags, o.train.optimizer);
  require_teacher(flags, o.train);
  o.train.threads.precision = o.train.threads.precision_to_use();
  comm.require_same("as its --precision", o.train.threads.precision);
  o.train.quiet = o.train.quiet || !comm.first();
  if (o.train.data.empty()) flags.require("data");
  const DataSet data = load_same_dataset(comm, o.train.data, o.train.strict);
  require_training_images(data);
  require_test_images(data);
  if (!o.train.quiet) say_notes(data);
  ModelConfig config = o.train.model.resolve(data.train.side, static_cast<int>(data.classes.size()));
  check_all(o, data, comm.ranks());
  // As train does: the file speaks where the networks begin, after that the folder's config.json.
  if (!goes_on) require_same_file(comm, "--init-from", o.train.init_from);
  const TimmConfig start = goes_on || o.train.init_from.empty() ? TimmConfig{} : said_of_start(o.train.init_from);
  agree_on_heads(start, o.train.init_from, o.train.model.heads != 0, o.train.model, config);
  LoaderConfig loader{.preprocessing = preprocessing_of(o.train, data, start)};
  o.train.augment.resolve(data, loader);
  take_resolved(o.train, config);
  Together together(comm, [&](const std::string& command, const Words& its_words) {
    if (command == "train") return run_training(its_words, comm);
    return command == "confusion" ? confusion_command(its_words, comm) : run_compare(o, data, comm);
  });
  if (!comm.first()) {
    together.follow();
    return 0;
  }
  try {
    const int code = run_stages(o, flags, names, data, together, part);
    together.end();
    return code;
  } catch (...) {
    together.end();
    throw;
  }
}

}  // namespace

int pipeline_command(const Words& words, Comm& comm) { return pipeline(words, comm, false, nullptr); }
int run_pipeline(const Words& words, Comm& comm, const FolderLock* held) { return pipeline(words, comm, true, held); }

}  // namespace mvmoe
