// tools/mvmoe/study.cpp: `mvmoe study`: the runs of a file, each made once, by one process or several at a time.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "engine/error.h"
#include "engine/files.h"
#include "engine/json.h"
#include "tools/mvmoe/commands.h"
#include "tools/mvmoe/pipeline_options.h"
#include "tools/mvmoe/ranks.h"
#include "tools/mvmoe/recipes.h"
#include "tools/report/html.h"
#include "tools/report/pages.h"
#include "tools/study/page.h"
#include "tools/study/plan.h"
#include "tools/study/record.h"
#include "tools/study/results.h"
#include "tools/study/study_file.h"
#include "train/log/progress_bar.h"
#include "train/run_folder.h"

namespace mvmoe {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;
using study::FlagMap, study::Record, study::RunResult, study::Status;

struct StudyOptions {
  std::vector<std::string> files;
  std::string out;
  int task = 0, tasks = 1, threads = 0;
  bool list = false, retry = false, progress = false, json = false, quiet = false;
};

void declare(Flags& flags, StudyOptions& o) {
  flags.add_positional("FILE", o.files,
                       "the study: variants, flags and seeds, as JSON (left out: the one that --out was begun with)");
  flags.add("out", o.out, "the folder of all runs; the same command goes on where it was stopped", "DIR");
  flags.add("list", o.list, "say what is done, running and waiting, and do nothing");
  flags.add("retry", o.retry, "make failed runs again");
  flags.heading("Several processes on one folder");
  flags.add("task", o.task, "this one's number, from 0: $SLURM_ARRAY_TASK_ID of sbatch --array=0-3");
  flags.add("tasks", o.tasks,
            "how many there are: $SLURM_ARRAY_TASK_COUNT; each begins at another place of the list, and takes what is "
            "neither done nor being made",
            1);
  flags.heading("Running");
  flags.add("threads", o.threads, "of each run, whatever the file says (0: as the file says)");
  flags.add("progress", o.progress, "each run's own progress on stderr, too");
  flags.add("quiet", o.quiet, "no progress on stderr");
  flags.add("json", o.json, "results as one JSON object in the last line of stdout");
}

// What the study itself gives to each run.
const std::vector<std::string> own_flags{"out", "resume", "overwrite", "config", "trace", "json", "quiet"};

Words words_of_run(const study::Run& run, const std::string& study_folder) {
  Words words;
  for (const auto& [name, value] : run.flags)
    words.push_back("--" + name + "=" + study::with_folders(value, study_folder));
  words.push_back("--out=" + study_folder + "/" + run.folder);
  if (run.command == "train") words.push_back("--resume");
  return words;
}

void check_data(const Flags& flags, const std::string& data) {
  if (!flags.given("data")) fail_usage("--data is missing: what to train on");
  check_spec(data);
}

void declare_training(Flags& flags, TrainOptions& o) {
  declare_run(flags, o);
  declare_recipe(flags, o);
  declare_start(flags, o);
  declare_manner(flags, o);
}

void check_training(const Words& words) {
  TrainOptions o;
  Flags flags("train [flags]", "");
  declare_training(flags, o);
  flags.parse(words);
  apply_recipe(flags, o.recipe);
  model_named(o.model.model);
  check_data(flags, o.data);
  require_experts(flags, o.model.moe, moe_flags);
  require_experts(flags, o.model.moe, routing_loss_flags);
  require_optimizer(flags, o.optimizer);
}

// The flags of `train` that make a pipeline's dense network, beside their defaults.
FlagMap dense_flags(const Flags& pipeline, const PipelineOptions& o) {
  const std::vector<std::string> names = without(flags_of_the_other(o.train.optimizer), recipe_of(false));
  TrainOptions training;
  Flags train("train [flags]", "");
  declare_training(train, training);
  const nlohmann::json values = pipeline.values(names), defaults = train.values(names);
  FlagMap flags;
  for (const std::string& name : names)
    if (name == "data" || name == "seed" || values[name] != defaults[name]) flags[name] = values[name];
  return flags;
}

// Checks a pipeline's flags, and gives the training that its dense network comes from.
std::optional<study::Shared> check_pipeline(const study::Run& run, const Words& words) {
  PipelineOptions o;
  Flags flags("pipeline [flags]", "");
  declare(flags, o);
  flags.parse(words);
  apply_recipe(flags, o.train.recipe);
  model_named(o.train.model.model);
  check_data(flags, o.train.data);
  require_optimizer(flags, o.train.optimizer);
  require_method(o.train);
  require_one_start(o.train);
  if (flags.given("dense")) return {};
  FlagMap dense = dense_flags(flags, o);
  // As it stands, with {folder:...}: the dense training waits for that run, too.
  for (const char* name : {"init-from", "teacher"})
    if (const auto given = run.flags.find(name); given != run.flags.end() && !given->second.empty())
      dense[name] = given->second;
  const std::string recipe = nlohmann::json(dense).dump();
  char crc[16];
  std::snprintf(crc, sizeof crc, "%08x",
                crc32_of({reinterpret_cast<const std::uint8_t*>(recipe.data()), recipe.size()}));
  const std::string folder = text("dense/", o.train.model.model, "-seed-", o.train.seed, "-", crc);
  for (const std::string& name : without({"expert-parallel"}, manner_flags))
    if (run.flags.contains(name)) dense[name] = run.flags.at(name);
  return study::Shared{.folder = folder, .flags = dense, .use_flag = "dense", .use_value = "{folder:" + folder + "}"};
}

// What can be known to be wrong is said before any run begins.
std::optional<study::Shared> check_run(const std::string& shown, const study::Run& run) {
  try {
    for (const std::string& name : own_flags)
      if (run.flags.contains(name)) fail_usage("--", name, ": is the study's own to give: leave it out");
    const Words words = words_of_run(run, "study");
    if (run.command == "pipeline") return check_pipeline(run, words);
    check_training(words);
    return {};
  } catch (const UsageError& e) {
    fail_usage(shown, ": variant ", run.variant, ": ", e.what());
  }
}

// While it lives, what is written to stdout goes nowhere: runs print results of their own, the study one table.
class StdoutAside {
 public:
  StdoutAside() {
    std::fflush(stdout);
    kept_ = dup(STDOUT_FILENO);
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (kept_ < 0 || nowhere < 0 || dup2(nowhere, STDOUT_FILENO) < 0) fail("/dev/null: cannot be written to");
    close(nowhere);
  }
  ~StdoutAside() {
    std::fflush(stdout);
    dup2(kept_, STDOUT_FILENO);
    close(kept_);
  }
  StdoutAside(const StdoutAside&) = delete;
  StdoutAside& operator=(const StdoutAside&) = delete;

 private:
  int kept_ = -1;
};

std::vector<std::string> flags_that_may_differ() {
  std::vector<std::string> names = manner_flags;
  names.insert(names.end(), {"quiet", "json"});
  return names;
}

// On rank 0: the study's folder, and the way through its runs.
class Worker {
 public:
  Worker(const StudyOptions& o, Comm& comm)
      : o_(o), folder_(o.out), together_(comm, [&, this](const std::string& command, const Words& words) {
          const StdoutAside aside;
          outcome_ = outcome_of_all(comm, outcome_of([&] {
                                      return command == "pipeline" ? run_pipeline(words, comm, held_.get())
                                                                   : run_training(words, comm, held_.get());
                                    }),
                                    true);
          return outcome_.code;
        }) {}

  Together& together() { return together_; }

  // Reads the file, and compares it with what is in the folder. Nothing is written.
  void read() {
    const fs::path file = o_.files.empty() ? folder_ / "study.json" : fs::path(o_.files[0]);
    std::error_code ignored;
    if (o_.files.empty() && !fs::exists(file, ignored))
      fail_usage("no study is given: mvmoe study FILE --out DIR (", printable(o_.out), " holds none yet)");
    if (holds_run(folder_) || fs::exists(folder_ / "stages.json", ignored))
      fail_usage("--out: ", printable(o_.out), " holds a run: choose another folder");
    const std::string shown = printable(file.string());
    bytes_ = read_file(file, 16 << 20);
    try {
      study_ = study::parse_study(
          shown, parse_json(shown + ":", {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()}));
    } catch (const UsageError&) {
      throw;
    } catch (const Error& e) {
      fail_usage(e.what());  // no JSON
    }
    runs_ = study::plan_runs(shown, study_, [&](const study::Run& run) { return check_run(shown, run); });
    for (const study::Run& run : runs_)
      if (const auto record = study::read_record(folder_ / run.folder))
        study::require_same_run(shown, run, *record, folder_ / run.folder, flags_that_may_differ());
  }

  int list() const {
    const study::Results results = study::read_results(study_, runs_, folder_);
    for (const study::Run& run : runs_) std::printf("%s\n", described(run).c_str());
    std::printf("%d of %d runs done\n", results.done, results.runs);
    if (o_.json) print_results(results);
    return 0;
  }

  int work() {
    write_in_folder([&] { write_file(folder_ / "study.json", bytes_); });
    if (o_.retry) forget_failures();
    write_tables();
    const int code = make_runs();
    const study::Results results = write_tables();
    if (o_.json) print_results(results);
    else
      std::printf("%s\n%d of %d runs done\nreport: %s\n", study::text_table(results).c_str(), results.done,
                  results.runs, printable((folder_ / "report.html").string()).c_str());
    if (code != 0) std::fprintf(stderr, "mvmoe: the study was stopped; the same command goes on\n");
    else if (results.failed > 0)
      std::fprintf(stderr, "mvmoe: %d of %d runs failed; --retry makes them again\n", results.failed, results.runs);
    return code != 0 ? code : results.failed > 0 ? 1 : 0;
  }

 private:
  // Makes what is open until nothing is, or a signal stops it.
  int make_runs() {
    std::vector<bool> busy(runs_.size());
    for (;;) {
      if (const int code = exit_code_of(stop_signal()); code != 0) return code;
      const study::Choice choice =
          study::choose(runs_, statuses(busy), study::start_of(o_.task, o_.tasks, runs_.size()));
      if (choice.run) {
        const study::Run& run = runs_[*choice.run];
        held_ = study::claim(folder_ / run.folder);
        if (!held_) {
          busy[*choice.run] = true;
          continue;
        }
        const int code = make(run);
        held_.reset();
        if (code != 0) return code;
      } else if (!choice.waits) {
        return 0;
      } else {
        say_waiting();
        std::this_thread::sleep_for(std::chrono::milliseconds(500));
      }
      busy.assign(runs_.size(), false);
    }
  }

  std::vector<Status> statuses(const std::vector<bool>& busy) const {
    std::vector<Status> status;
    for (std::size_t i = 0; i < runs_.size(); ++i) {
      const auto record = study::read_record(folder_ / runs_[i].folder);
      const bool done = record && record->state == Record::State::done,
                 failed = record && record->state == Record::State::failed;
      status.push_back(done ? Status::done : failed ? Status::failed : busy[i] ? Status::busy : Status::open);
    }
    return status;
  }

  // Its folder is locked. 0: the study goes on, whatever the run came to.
  int make(const study::Run& run) {
    const fs::path run_folder = folder_ / run.folder;
    Record record = study::read_record(run_folder).value_or(Record{});
    if (record.state != Record::State::begun) return 0;  // another process has made it between our look and our lock
    record.command = run.command, record.flags = run.flags;
    study::write_record(run_folder, record);
    Words words = words_of_run(run, o_.out);
    if (!o_.progress) words.push_back("--quiet");
    if (o_.threads > 0) words.push_back("--threads=" + std::to_string(o_.threads));
    if (o_.progress) std::fprintf(stderr, "\n%s\n", printable(run.shown()).c_str());
    const auto start = Clock::now();
    together_.run(run.command, words);
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    record.seconds += seconds;
    const bool stopped = outcome_.error.empty() && outcome_.code != 0;
    if (outcome_.code == 0) take_figures(run, record);
    else if (!stopped) record.state = Record::State::failed, record.error = outcome_.error;
    study::write_record(run_folder, record);
    if (stopped) return outcome_.code;
    say_end(run, record, seconds, write_tables());
    return 0;
  }

  void take_figures(const study::Run& run, Record& record) const {
    try {
      record.figures = study::figures_of(run, folder_ / run.folder);
      if (run.command == "train")
        write_file(folder_ / run.folder / "report.html",
                   report::page_of({folder_ / run.folder}));  // a pipeline has its own
      record.state = Record::State::done;
    } catch (const Error& e) {
      record.state = Record::State::failed, record.error = e.what();
    }
  }

  void forget_failures() {
    for (const study::Run& run : runs_) {
      const fs::path run_folder = folder_ / run.folder;
      if (const auto before = study::read_record(run_folder); !before || before->state != Record::State::failed)
        continue;
      const auto lock = study::claim(run_folder);
      if (!lock) continue;
      Record record = *study::read_record(run_folder);
      if (record.state == Record::State::failed) record.state = Record::State::begun, record.error.clear();
      study::write_record(run_folder, record);
    }
  }

  // The files of the study's own folder are written by one process at a time, so that none writes older ones over
  // newer.
  void write_in_folder(const std::function<void()>& write) const {
    std::unique_ptr<FolderLock> lock;
    while (!(lock = study::claim(folder_))) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    write();
  }

  study::Results write_tables() const {
    study::Results results;
    write_in_folder([&] {
      results = study::read_results(study_, runs_, folder_);
      write_file(folder_ / "results.csv", study::csv(results));
      write_file(folder_ / "results.json",
                 study::to_json(study_, results).dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
      write_file(folder_ / "report.html", study::page_of(study_, results, folder_));
    });
    return results;
  }

  void say_end(const study::Run& run, const Record& record, double seconds, const study::Results& results) const {
    const std::string shown = printable(run.shown());
    if (record.state == Record::State::failed)
      std::fprintf(stderr, "mvmoe: %s: failed: %s\n", shown.c_str(), printable(record.error).c_str());
    if (o_.quiet || record.state == Record::State::failed) return;
    std::string what;
    if (record.figures.contains("gain"))
      what = text(": gain ", report::signed_number(record.figures.at("gain"), 2), " points");
    else if (record.figures.contains("top1"))
      what = text(": top-1 ", report::number(record.figures.at("top1"), 2), " %");
    const double left = seconds_left(results);
    std::fprintf(stderr, "%d of %d runs done: %s%s, in %s%s\n", results.done, results.runs, shown.c_str(), what.c_str(),
                 duration(seconds).c_str(), left > 0 ? text("; about ", duration(left), " left").c_str() : "");
  }

  // By what runs of the same variant took, or else of the same command; of all tasks.
  double seconds_left(const study::Results& results) const {
    struct Mean {
      double sum = 0;
      int n = 0;
    };
    std::map<std::string, Mean> means;
    std::vector<const RunResult*> all;
    for (const study::Row& row : results.rows)
      for (const RunResult& r : row.runs) all.push_back(&r);
    for (const RunResult& r : results.others) all.push_back(&r);
    const auto add = [&](const std::string& kind, double seconds) { means[kind].sum += seconds, ++means[kind].n; };
    const auto kind = [](const study::Run& run) { return (run.variant.empty() ? "shared " : "of ") + run.command; };
    for (const RunResult* r : all)
      if (r->done())
        add("variant " + r->run->variant, r->record->seconds), add(kind(*r->run), r->record->seconds),
            add("all", r->record->seconds);
    double left = 0;
    for (const RunResult* r : all) {
      if (r->done() || r->failed()) continue;
      for (const std::string& of : {"variant " + r->run->variant, kind(*r->run), std::string("all")})
        if (const auto mean = means.find(of); mean != means.end()) {
          left += mean->second.sum / mean->second.n;
          break;
        }
    }
    return left / o_.tasks;
  }

  void say_waiting() {
    if (!o_.quiet && !said_waiting_)
      std::fprintf(stderr, "waiting for a run that another process makes, and others need\n");
    said_waiting_ = true;
  }

  std::string described(const study::Run& run) const {
    const fs::path run_folder = folder_ / run.folder;
    const auto record = study::read_record(run_folder);
    const std::string shown = printable(run.shown());
    if (record && record->state == Record::State::done) return "done     " + shown;
    if (record && record->state == Record::State::failed) return "failed   " + shown + ": " + printable(record->error);
    const auto holder = holder_of(run_folder);
    const std::string where = study::place_of(run, run_folder);
    if (holder) return "running  " + shown + (where.empty() ? "" : ", " + where) + " (" + printable(*holder) + ")";
    if (record && record->state == Record::State::begun)
      return "begun    " + shown + (where.empty() ? "" : ", " + where);
    for (const std::size_t need : run.needs) {
      const auto needed = study::read_record(folder_ / runs_[need].folder);
      if (needed && needed->state == Record::State::failed)
        return "blocked  " + shown + ", by " + printable(runs_[need].shown()) + ", which failed";
      if (!needed || needed->state != Record::State::done)
        return "waiting  " + shown + ", for " + printable(runs_[need].shown());
    }
    return "waiting  " + shown;
  }

  void print_results(const study::Results& results) const {
    Json rows = Json::array();
    for (const study::Row& row : results.rows) rows.push_back(study::to_json(row));
    print_json({{"runs", results.runs},
                {"done", results.done},
                {"failed", results.failed},
                {"rows", rows},
                {"path", (folder_ / "report.html").string()}});
  }

  const StudyOptions& o_;
  fs::path folder_;
  Together together_;
  Outcome outcome_;
  std::unique_ptr<FolderLock> held_;  // of the run that is being made
  std::vector<std::uint8_t> bytes_;   // the file's
  study::Study study_;
  std::vector<study::Run> runs_;
  bool said_waiting_ = false;
};

}  // namespace

int study_command(const Words& words, Comm& comm) {
  StudyOptions o;
  Flags flags("study FILE --out DIR [flags]",
              "Makes the runs that a file lists, or goes on with them, and compares what came of them.");
  declare(flags, o);
  if (!flags.parse(words)) return 0;
  if (o.files.size() > 1) fail_usage("'", printable(o.files[1]), "' is one word too many: a study is one FILE");
  flags.require("out");
  if (o.out.empty()) fail_usage("--out: is empty, must be a folder");
  if (o.task >= o.tasks)
    fail_usage("--task: ", o.task, " must be below --tasks, which is ", o.tasks,
               ": the first task is 0 (sbatch --array=0-", o.tasks - 1, ")");
  if (o.list && o.retry) fail_usage("--retry: contradicts --list, which does nothing: give one of them");
  Worker worker(o, comm);
  comm.on_first([&] { worker.read(); });
  if (o.list) return comm.first() ? worker.list() : 0;
  listen_for_stop_signals(comm.first());
  if (!comm.first()) {
    worker.together().follow();
    return 0;
  }
  try {
    const int code = worker.work();
    worker.together().end();
    return code;
  } catch (...) {
    worker.together().end();
    throw;
  }
}

}  // namespace mvmoe
