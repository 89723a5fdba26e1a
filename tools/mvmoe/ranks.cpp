#include "tools/mvmoe/ranks.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include "engine/cores.h"
#include "engine/error.h"
#include "engine/files.h"
#include "tools/mvmoe/machine.h"
#include "train/data/damaged.h"

namespace mvmoe {
namespace {

using Json = nlohmann::json;

// A flag and its value stand on one line, so that what differs is named by its flag.
std::string lines_of(const Words& words) {
  std::string lines;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool value = i > 0 && words[i - 1].starts_with("--") && !words[i].starts_with("--");
    lines += (i == 0 ? "" : value ? " " : "\n") + words[i];
  }
  return lines;
}

// One rank's host and cores.
struct Place {
  std::string host, pinning;
  std::vector<int> processors;  // that it may run on
  int cores = 1;                // of these that it may use, by its quota
  int host_cores = 1;           // the host's, or the job's part of them
  int threads = 1;
};

Place own_place() {
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  const char* const of_job = std::getenv("SLURM_CPUS_ON_NODE");
  const int host_cores =
      of_job && std::atoi(of_job) > 0 ? std::atoi(of_job) : static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  return {.host = host,
          .pinning = pinning(),
          .processors = allowed_processors(),
          .cores = available_cores(),
          .host_cores = host_cores};
}

std::vector<Place> gather_places(Comm& comm, const Place& own) {
  const Json json{{"host", own.host},   {"pinning", own.pinning},       {"processors", own.processors},
                  {"cores", own.cores}, {"host_cores", own.host_cores}, {"threads", own.threads}};
  std::vector<Place> places;
  for (const std::string& text : comm.gather(json.dump(-1, ' ', false, Json::error_handler_t::replace))) {
    const Json p = Json::parse(text);
    places.push_back({.host = p["host"],
                      .pinning = p["pinning"],
                      .processors = p["processors"],
                      .cores = p["cores"],
                      .host_cores = p["host_cores"],
                      .threads = p["threads"]});
  }
  return places;
}

void say_places(const std::map<std::string, std::vector<int>>& ranks_of, const std::vector<Place>& places) {
  for (const auto& [host, ranks] : ranks_of) {
    std::fprintf(stderr, "host %s:", printable(host).c_str());
    for (const int r : ranks) {
      const Place& p = places[static_cast<std::size_t>(r)];
      std::fprintf(stderr, "%s rank %d %d %s on cores %s", r == ranks.front() ? "" : ",", r, p.threads,
                   p.threads == 1 ? "thread" : "threads", p.pinning.c_str());
    }
    std::fprintf(stderr, "\n");
  }
}

void warn_of_places(const std::map<std::string, std::vector<int>>& ranks_of, const std::vector<Place>& places) {
  for (const auto& [host, ranks] : ranks_of) {
    std::set<int> processors;
    int threads = 0, quota = 0;
    for (const int r : ranks) {
      const Place& p = places[static_cast<std::size_t>(r)];
      processors.insert(p.processors.begin(), p.processors.end());
      threads += p.threads;
      quota += p.cores;
    }
    const int n = static_cast<int>(ranks.size()), cores = std::min(static_cast<int>(processors.size()), quota);
    const std::string fewer_threads = n <= cores ? text("--threads ", cores / n, ", or ") : "";
    if (threads > cores)
      std::fprintf(stderr,
                   "mvmoe: warning: host %s has %d threads (of %d ranks) on %d cores: give %sfewer ranks a host "
                   "(mpirun --map-by ppr:%d:node, srun --ntasks-per-node=%d)\n",
                   printable(host).c_str(), threads, n, cores, fewer_threads.c_str(), std::min(n, cores),
                   std::min(n, cores));
    const Place& first = places[static_cast<std::size_t>(ranks.front())];
    const int part = first.host_cores / n;
    const auto bound = std::find_if(ranks.begin(), ranks.end(),
                                    [&](int r) { return places[static_cast<std::size_t>(r)].cores < part; });
    if (bound != ranks.end())
      std::fprintf(stderr,
                   "mvmoe: warning: rank %d may use %d of the %d cores of host %s, its part would be %d: give mpirun "
                   "--bind-to none or --map-by slot:PE=%d, srun --cpus-per-task=%d\n",
                   *bound, places[static_cast<std::size_t>(*bound)].cores, first.host_cores, printable(host).c_str(),
                   part, part, part);
  }
}

}  // namespace

void meet(Comm& comm, const Words& words) {
  if (comm.ranks() == 1) return;
  char crc[16];
  std::snprintf(crc, sizeof crc, "%08x", crc32_of(read_file("/proc/self/exe")));
  comm.require_same("the build", crc);
  comm.require_same("on its command line", lines_of(words));
}

Outcome outcome_of(const std::function<int()>& work) {
  try {
    return {.code = work()};
  } catch (const UsageError& e) {
    return {.code = 2, .error = e.what()};
  } catch (const std::bad_alloc&) {
    return {.code = 1, .error = "out of memory"};
  } catch (const std::exception& e) {
    return {.code = 1, .error = printable(e.what())};
  }
}

Outcome outcome_of_all(Comm& comm, const Outcome& outcome, bool all) {
  if (comm.ranks() == 1) return outcome;
  // The others may be in the middle of their work, and wait for this one. Of several that fail, the first speaks.
  const double patience_s = outcome.error.empty() ? -1 : 3 + 0.2 * std::min(comm.rank(), 20);
  const auto outcomes = comm.gather_at_end(std::to_string(outcome.code) + " " + outcome.error, patience_s);
  if (!outcomes) {
    std::fprintf(stderr, "mvmoe: %s: %s\n", comm.name(comm.rank()).c_str(), outcome.error.c_str());
    comm.abort(outcome.code);
  }
  int code = 0, failed = -1, failures = 0;
  std::string error;
  for (int r = 0; r < comm.ranks(); ++r) {
    const std::string& line = (*outcomes)[static_cast<std::size_t>(r)];
    const std::string its_error = line.substr(line.find(' ') + 1);
    failures += !its_error.empty();
    if (failed >= 0 || (code != 0 && its_error.empty())) continue;
    code = std::stoi(line);
    if (!its_error.empty()) failed = r, error = its_error;
  }
  if (failed >= 0 && failures < comm.ranks() && all) error = comm.name(failed) + ": " + error;
  return {.code = code, .error = error};
}

int end_together(Comm& comm, const Outcome& outcome, bool all) {
  const Outcome of_all = outcome_of_all(comm, outcome, all);
  if (!of_all.error.empty() && comm.first()) std::fprintf(stderr, "mvmoe: %s\n", of_all.error.c_str());
  return of_all.code;
}

int Together::run(const std::string& command, const Words& words) {
  comm_.broadcast(Json{{"command", command}, {"words", words}}.dump());
  working_ = true;
  const int code = work_(command, words);
  working_ = false;
  return code;
}

void Together::end() {
  if (!working_) comm_.broadcast(Json{{"command", "end"}, {"words", Words{}}}.dump());
}

void Together::follow() {
  for (;;) {
    const Json told = Json::parse(comm_.broadcast(""));
    if (told["command"] == "end") return;
    work_(told["command"], told["words"]);
  }
}

void settle(Comm& comm, const RankOptions& options, ThreadOptions& threads, bool quiet) {
  if (comm.ranks() == 1) return;
  comm.set_timeout(options.timeout);
  Place own = own_place();
  int sharing = 0;
  for (const Place& p : gather_places(comm, own)) sharing += p.host == own.host && p.processors == own.processors;
  threads.ranks_sharing = sharing;
  own.threads = threads.lanes().threads;
  const std::vector<Place> places = gather_places(comm, own);
  std::map<std::string, std::vector<int>> ranks_of;
  for (std::size_t r = 0; r < places.size(); ++r) ranks_of[places[r].host].push_back(static_cast<int>(r));
  if (!comm.first()) return;
  if (!quiet) say_places(ranks_of, places);
  warn_of_places(ranks_of, places);
}

void compress_sums(Comm& comm, const RankOptions& options) {
  const std::string& name = options.gradient_compression;
  if (name != "none" && comm.ranks() == 1)
    fail_usage("--gradient-compression: ", name, " is for what ranks send to each other, and ",
               Comm::has_mpi() ? "there is one rank: start several (mpirun -np 4, srun --ntasks=4)"
                               : "this build has no MPI (make MPI=1)",
               ", or leave it out");
  const std::vector<std::string> names = compression_names();
  comm.compress_sums(static_cast<Compression>(std::find(names.begin(), names.end(), name) - names.begin()));
}

void take_from_first(Comm& comm, Flags& flags, const std::vector<std::string>& names) {
  if (comm.ranks() > 1) flags.set_missing(Json::parse(comm.broadcast(flags.values(names).dump())), "rank 0");
}

void require_same_file(Comm& comm, const char* flag, const std::string& file) {
  if (comm.ranks() == 1 || file.empty()) return;
  std::uint32_t crc = 0;
  comm.everywhere([&] {
    try {
      crc = crc32_of(read_file(file));
    } catch (const Error& e) {
      fail(flag, ": ", e.what(), " (every rank reads it)");
    }
  });
  comm.require_same(text("as ", flag, " ", printable(file), ", with CRC-32"), std::to_string(crc));
}

DataSet load_same_dataset(Comm& comm, const std::string& spec, bool strict, Wanted wanted) {
  DataSet data;
  comm.everywhere([&] { data = load_dataset(spec, strict, wanted); });
  if (comm.ranks() == 1) return data;
  comm.require_same("as its data",
                    text(data.train.size(), " training and ", data.test.size(), " test images of ", data.classes.size(),
                         " classes, with CRC-32 ", crc32_of(data.train), " and ", crc32_of(data.test)));
  return data;
}

void say_damaged(Comm& comm, const ImageSet& set) {
  if (set.damaged) set.damaged->share(comm);
  if (comm.first()) say_damaged(set);
}

}  // namespace mvmoe
