// engine/comm_mpi.cpp: the ranks by MPI (make MPI=1).
//
// The library is called by one thread at a time and never waits inside: every operation is started and then asked for,
// so that the pulse (comm_mpi_pulse.h) can speak in between.
#include <mpi.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "engine/comm.h"
#include "engine/comm_mpi_pulse.h"
#include "engine/comm_mpi_ring.h"
#include "engine/error.h"
#include "engine/launcher.h"

namespace mvmoe {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t bucket = std::size_t{1} << 20;           // numbers in one sum
constexpr std::size_t broadcast_piece = std::size_t{1} << 26;  // bytes; MPI counts in int

void check(int code, const char* what) {
  if (code == MPI_SUCCESS) return;
  char reason[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  MPI_Error_string(code, reason, &length);
  fail("MPI: ", what, ": ", std::string(reason, static_cast<std::size_t>(length)));
}

// Where a process id means the same process: the host, and the id's name space (a container has its own).
std::string id_space() {
  char host[256] = "", space[256] = "";
  gethostname(host, sizeof host - 1);
  const ssize_t n = readlink("/proc/self/ns/pid", space, sizeof space - 1);
  return std::string(host) + " " + std::string(space, n > 0 ? static_cast<std::size_t>(n) : 0);
}

}  // namespace

struct Comm::Ranks {
  std::mutex mpi;
  MPI_Comm world = MPI_COMM_NULL, ending = MPI_COMM_NULL, pulses = MPI_COMM_NULL, rings = MPI_COMM_NULL;
  int rank = 0, ranks = 1;
  std::vector<std::string> names;
  std::vector<MPI_Request> requests;  // of a sum's buckets
  std::optional<RingSums> ring;       // what was started
  std::unique_ptr<Pulse> pulse;
  double waited_s = 0;

  // Asks until it is done; busily at first, since what is waited for is mostly near, and giving the core to whoever
  // wants it. False: not done within the patience in seconds (below 0: without end).
  template <class Done>
  bool until(const Done& done, double patience_s = -1) {
    const auto start = Clock::now();
    for (;;) {
      bool over;
      {
        const std::lock_guard lock(mpi);
        over = done();
      }
      const double waited = std::chrono::duration<double>(Clock::now() - start).count();
      if (over) {
        waited_s += waited;
        return true;
      }
      if (patience_s >= 0 && waited > patience_s) return false;
      if (waited < 0.02) std::this_thread::yield();
      else std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
  }

  bool wait(std::span<MPI_Request> all, const char* what, double patience_s = -1) {
    return until([&] {
      if (ring) ring->proceed();  // sums that are under way do not stand still
      int done = 0;
      check(MPI_Testall(static_cast<int>(all.size()), all.data(), &done, MPI_STATUSES_IGNORE), what);
      return done != 0;
    }, patience_s);
  }

  template <class Start>
  bool run(const char* what, const Start& start, double patience_s = -1) {
    MPI_Request request;
    {
      const std::lock_guard lock(mpi);
      check(start(&request), what);
    }
    return wait({&request, 1}, what, patience_s);
  }

  template <class Number>
  void sum(std::span<Number> x, MPI_Datatype type) {
    requests.clear();
    for (std::size_t at = 0; at < x.size(); at += bucket) {
      const std::lock_guard lock(mpi);
      requests.emplace_back();
      check(MPI_Iallreduce(MPI_IN_PLACE, x.data() + at, static_cast<int>(std::min(bucket, x.size() - at)), type, MPI_SUM, world, &requests.back()), "sum");
    }
    wait(requests, "sum");
  }

  std::size_t finish_sums() {
    std::size_t before = 0;
    {
      const std::lock_guard lock(mpi);
      ring->end();
      before = ring->take_summed();
    }
    until([&] { return ring->proceed(); });
    ring->take_summed();
    return before;
  }

  std::optional<std::vector<std::string>> gather(const std::string& text, MPI_Comm comm, double patience_s) {
    const int own = static_cast<int>(text.size());
    std::vector<int> sizes(static_cast<std::size_t>(ranks)), places(static_cast<std::size_t>(ranks));
    if (!run("gather", [&](MPI_Request* r) { return MPI_Iallgather(&own, 1, MPI_INT, sizes.data(), 1, MPI_INT, comm, r); }, patience_s)) return {};
    int all = 0;
    for (std::size_t r = 0; r < sizes.size(); ++r) places[r] = all, all += sizes[r];
    std::string joined(static_cast<std::size_t>(all), '\0');
    run("gather", [&](MPI_Request* r) { return MPI_Iallgatherv(text.data(), own, MPI_CHAR, joined.data(), sizes.data(), places.data(), MPI_CHAR, comm, r); });
    std::vector<std::string> texts;
    for (std::size_t r = 0; r < sizes.size(); ++r) texts.push_back(joined.substr(static_cast<std::size_t>(places[r]), static_cast<std::size_t>(sizes[r])));
    return texts;
  }

  // From any thread, and also where the library is stuck.
  [[noreturn]] void abort(int code) {
    std::thread([code] {
      std::this_thread::sleep_for(std::chrono::seconds(5));
      _exit(code);
    }).detach();
    MPI_Abort(MPI_COMM_WORLD, code);
    _exit(code);
  }
};

Comm::Comm() = default;
Comm::Comm(Comm&&) noexcept = default;

Comm::~Comm() {
  if (!ranks_) return;
  ranks_->pulse.reset();
  MPI_Finalize();
}

Comm Comm::join(std::function<void(const std::string&)> lost) {
  const Launcher started = launcher();
  if (started.tasks == 1) return {};
  sigset_t all, before;  // the library starts threads: signals are not for them
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  int given = 0;
  MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &given);
  Comm comm;
  comm.ranks_ = std::make_unique<Ranks>();
  Ranks& r = *comm.ranks_;
  if (given < MPI_THREAD_SERIALIZED) fail("MPI: this library lets only the first thread call it: one with MPI_THREAD_SERIALIZED is needed");
  for (MPI_Comm* copy : {&r.world, &r.ending, &r.pulses, &r.rings}) {
    MPI_Comm_dup(MPI_COMM_WORLD, copy);
    MPI_Comm_set_errhandler(*copy, MPI_ERRORS_RETURN);
  }
  MPI_Comm_rank(r.world, &r.rank);
  MPI_Comm_size(r.world, &r.ranks);
  if (r.ranks != started.tasks)
    fail_usage("the launcher started ", started.tasks, " tasks (", started.variable, "), and MPI sees ", r.ranks, ": start it with the mpirun of the MPI it was built with (",
               version(), "), or with srun --mpi=pmix");
  r.ring.emplace(r.rings);
  const std::string space = id_space();
  const std::vector<std::string> spaces = comm.gather(space), processes = comm.gather(std::to_string(getpid()));
  for (std::size_t i = 0; i < spaces.size(); ++i) r.names.push_back(text("rank ", i, " (host ", spaces[i].substr(0, spaces[i].find(' ')), ", process ", processes[i], ")"));
  const auto before_this = static_cast<std::size_t>((r.rank + r.ranks - 1) % r.ranks);
  r.pulse = std::make_unique<Pulse>(r.pulses, r.mpi, (r.rank + 1) % r.ranks,
                                    Neighbour{.rank = static_cast<int>(before_this), .name = r.names[before_this], .process = spaces[before_this] == space ? std::stoi(processes[before_this]) : 0},
                                    [&r, lost = std::move(lost)](const std::string& line) {
                                      lost(line);
                                      r.abort(1);
                                    });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return comm;
}

bool Comm::has_mpi() { return true; }

std::string Comm::version() {
  char name[MPI_MAX_LIBRARY_VERSION_STRING] = "";
  int length = 0;
  MPI_Get_library_version(name, &length);
  const std::string whole(name, static_cast<std::size_t>(length));
  return whole.substr(0, whole.find_first_of(",\n"));
}

int Comm::rank() const { return ranks_ ? ranks_->rank : 0; }
int Comm::ranks() const { return ranks_ ? ranks_->ranks : 1; }

const std::string& Comm::name(int rank) const {
  static const std::string alone = "rank 0";
  return ranks_ ? ranks_->names[static_cast<std::size_t>(rank)] : alone;
}

void Comm::set_timeout(int seconds) {
  if (ranks_) ranks_->pulse->set_timeout(seconds);
}

void Comm::sum(std::span<float> x) {
  if (ranks_) ranks_->sum(x, MPI_FLOAT);
}

void Comm::sum(std::span<double> x) {
  if (ranks_) ranks_->sum(x, MPI_DOUBLE);
}

void Comm::compress_sums(Compression c) {
  if (ranks_) ranks_->ring->compress_by(c);
}

void Comm::start_sum(std::span<float> x) {
  if (!ranks_) return;
  const std::lock_guard lock(ranks_->mpi);
  ranks_->ring->start(x);
}

void Comm::proceed() {
  if (!ranks_) return;
  const std::unique_lock lock(ranks_->mpi, std::try_to_lock);
  if (lock) ranks_->ring->proceed();
}

std::size_t Comm::finish_sums() { return ranks_ ? ranks_->finish_sums() : 0; }

void Comm::broadcast(std::span<std::byte> bytes) {
  if (!ranks_) return;
  for (std::size_t at = 0; at < bytes.size(); at += broadcast_piece)
    ranks_->run("broadcast", [&](MPI_Request* r) {
      return MPI_Ibcast(bytes.data() + at, static_cast<int>(std::min(broadcast_piece, bytes.size() - at)), MPI_BYTE, 0, ranks_->world, r);
    });
}

void Comm::exchange(std::span<const float> from, std::span<const int> counts, std::span<float> to, std::span<const int> arriving, std::size_t record) {
  if (!ranks_) {
    std::copy_n(from.data(), static_cast<std::size_t>(counts[0]) * record, to.data());
    return;
  }
  std::vector<int> leaving_at(counts.size()), arriving_at(counts.size());
  for (std::size_t r = 1; r < counts.size(); ++r) {
    leaving_at[r] = leaving_at[r - 1] + counts[r - 1];
    arriving_at[r] = arriving_at[r - 1] + arriving[r - 1];
  }
  MPI_Datatype type = MPI_DATATYPE_NULL;  // MPI counts in int: in records, then
  {
    const std::lock_guard lock(ranks_->mpi);
    check(MPI_Type_contiguous(static_cast<int>(record), MPI_FLOAT, &type), "exchange");
    check(MPI_Type_commit(&type), "exchange");
  }
  ranks_->run("exchange", [&](MPI_Request* r) {
    return MPI_Ialltoallv(from.data(), counts.data(), leaving_at.data(), type, to.data(), arriving.data(), arriving_at.data(), type, ranks_->world, r);
  });
  const std::lock_guard lock(ranks_->mpi);
  check(MPI_Type_free(&type), "exchange");
}

std::string Comm::broadcast(const std::string& text) {
  std::size_t size = text.size();
  broadcast(std::as_writable_bytes(std::span(&size, 1)));
  std::string all = first() ? text : std::string(size, '\0');
  broadcast(std::as_writable_bytes(std::span(all.data(), all.size())));
  return all;
}

std::vector<std::string> Comm::gather(const std::string& text) {
  if (!ranks_) return std::vector<std::string>{text};
  return *ranks_->gather(text, ranks_->world, -1);
}

std::optional<std::vector<std::string>> Comm::gather_at_end(const std::string& text, double patience_s) {
  if (!ranks_) return std::vector<std::string>{text};
  return ranks_->gather(text, ranks_->ending, patience_s);
}

double Comm::waited_s() const { return ranks_ ? ranks_->waited_s : 0; }

void Comm::abort(int code) {
  if (ranks_) ranks_->abort(code);
  std::_Exit(code);
}

}  // namespace mvmoe
