// engine/mpi/comm.cpp: Comm by MPI (make MPI=1). All calls of the library go through engine/mpi/library.h.
#include <mpi.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "engine/comm.h"
#include "engine/launcher.h"
#include "engine/mpi/library.h"

namespace mvmoe {
namespace {

constexpr std::size_t bucket = std::size_t{1} << 20;           // numbers in one sum
constexpr std::size_t broadcast_piece = std::size_t{1} << 26;  // bytes; MPI counts in int

// Two processes with the same text here see the same process ids: the host, and the id's name space (a container has
// its own).
std::string id_space() {
  char host[256] = "", space[256] = "";
  gethostname(host, sizeof host - 1);
  const ssize_t n = readlink("/proc/self/ns/pid", space, sizeof space - 1);
  return std::string(host) + " " + std::string(space, n > 0 ? static_cast<std::size_t>(n) : 0);
}

// Can be called from any thread. If MPI_Abort hangs, the process ends after 5 seconds.
[[noreturn]] void abort_all(int code) {
  std::thread([code] {
    std::this_thread::sleep_for(std::chrono::seconds(5));
    _exit(code);
  }).detach();
  MPI_Abort(MPI_COMM_WORLD, code);
  _exit(code);
}

}  // namespace

struct Comm::Ranks {
  std::shared_ptr<MpiLibrary> library = std::make_shared<MpiLibrary>();
  bool part = false;  // made by split
  MPI_Comm world = MPI_COMM_NULL, ending = MPI_COMM_NULL, rings = MPI_COMM_NULL;
  int rank = 0, ranks = 1;
  std::vector<std::string> names;
  std::vector<MPI_Request> requests;  // of a sum's buckets
  std::optional<RingSums> ring;       // sums that start_sum began
  std::vector<int> sizes;             // of gather's texts. A member: if other ranks never call, MPI keeps writing to it
  int own_size = 0;

  std::array<MPI_Comm*, 3> communicators() { return {&world, &ending, &rings}; }

  // Call it when the communicators exist: fills in the other members.
  void begin() {
    for (MPI_Comm* one : communicators()) MPI_Comm_set_errhandler(*one, MPI_ERRORS_RETURN);
    MPI_Comm_rank(world, &rank);
    MPI_Comm_size(world, &ranks);
    if (ranks == 1) return;
    ring.emplace(rings);
    ring->compress_by(library->compression);
    library->rings.push_back(&*ring);
  }

  template <class Number>
  void sum(std::span<Number> x, MPI_Datatype type) {
    requests.clear();
    for (std::size_t at = 0; at < x.size(); at += bucket) {
      const std::lock_guard lock(library->mutex);
      requests.emplace_back();
      check_mpi(MPI_Iallreduce(MPI_IN_PLACE, x.data() + at, static_cast<int>(std::min(bucket, x.size() - at)), type,
                               MPI_SUM, world, &requests.back()),
                "sum");
    }
    library->wait(requests, "sum");
  }

  std::optional<std::vector<std::string>> gather(const std::string& text, MPI_Comm comm, double patience_s) {
    own_size = static_cast<int>(text.size());
    sizes.resize(static_cast<std::size_t>(ranks));
    std::vector<int> places(sizes.size());
    if (!library->run(
            "gather",
            [&](MPI_Request* r) { return MPI_Iallgather(&own_size, 1, MPI_INT, sizes.data(), 1, MPI_INT, comm, r); },
            patience_s))
      return {};
    int all = 0;
    for (std::size_t r = 0; r < sizes.size(); ++r) places[r] = all, all += sizes[r];
    std::string joined(static_cast<std::size_t>(all), '\0');
    library->run("gather", [&](MPI_Request* r) {
      return MPI_Iallgatherv(text.data(), own_size, MPI_CHAR, joined.data(), sizes.data(), places.data(), MPI_CHAR,
                             comm, r);
    });
    std::vector<std::string> texts;
    for (std::size_t r = 0; r < sizes.size(); ++r)
      texts.push_back(joined.substr(static_cast<std::size_t>(places[r]), static_cast<std::size_t>(sizes[r])));
    return texts;
  }
};

Comm::Comm() = default;
Comm::Comm(Comm&&) noexcept = default;

Comm::~Comm() {
  if (!ranks_) return;
  MpiLibrary& library = *ranks_->library;
  if (!ranks_->part) {
    library.pulse.reset();
    MPI_Finalize();
    return;
  }
  const std::lock_guard lock(library.mutex);
  if (ranks_->ring) {
    if (!ranks_->ring->idle()) {  // a step failed: running messages still write into *ranks_, so it is leaked
      static_cast<void>(ranks_.release());
      return;
    }
    std::erase(library.rings, &*ranks_->ring);
  }
  for (MPI_Comm* one : ranks_->communicators())
    if (*one != MPI_COMM_NULL) MPI_Comm_free(one);
}

Comm Comm::join(std::function<void(const std::string&)> lost) {
  const Launcher started = launcher();
  if (started.tasks == 1) return {};
  sigset_t all, before;  // the library starts threads, which must not take signals
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  int given = 0;
  MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &given);
  Comm comm;
  comm.ranks_ = std::make_unique<Ranks>();
  Ranks& r = *comm.ranks_;
  if (given < MPI_THREAD_SERIALIZED)
    fail("MPI: this library lets only the first thread call it: one with MPI_THREAD_SERIALIZED is needed");
  for (MPI_Comm* copy : r.communicators()) MPI_Comm_dup(MPI_COMM_WORLD, copy);
  MPI_Comm pulses = MPI_COMM_NULL;
  MPI_Comm_dup(MPI_COMM_WORLD, &pulses);
  MPI_Comm_set_errhandler(pulses, MPI_ERRORS_RETURN);
  r.begin();
  if (r.ranks != started.tasks)
    fail_usage("the launcher started ", started.tasks, " tasks (", started.variable, "), and MPI sees ", r.ranks,
               ": start it with the mpirun of the MPI it was built with (", version(), "), or with srun --mpi=pmix");
  const std::string space = id_space();
  const std::vector<std::string> spaces = comm.gather(space), processes = comm.gather(std::to_string(getpid()));
  for (std::size_t i = 0; i < spaces.size(); ++i)
    r.names.push_back(
        text("rank ", i, " (host ", spaces[i].substr(0, spaces[i].find(' ')), ", process ", processes[i], ")"));
  const auto before_this = static_cast<std::size_t>((r.rank + r.ranks - 1) % r.ranks);
  r.library->pulse = std::make_unique<Pulse>(
      pulses, r.library->mutex, (r.rank + 1) % r.ranks,
      Neighbour{.rank = static_cast<int>(before_this),
                .name = r.names[before_this],
                .process = spaces[before_this] == space ? std::stoi(processes[before_this]) : 0},
      [lost = std::move(lost)](const std::string& line) {
        lost(line);
        abort_all(1);
      });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return comm;
}

Comm Comm::split(int number) {
  if (!ranks_) return {};
  Comm comm;
  comm.ranks_ = std::make_unique<Ranks>();
  Ranks &r = *comm.ranks_, &whole = *ranks_;
  r.library = whole.library;
  r.part = true;
  // MPI_Comm_split waits inside the library. So all ranks meet at a barrier first; then it takes no time.
  r.library->run("split", [&](MPI_Request* request) { return MPI_Ibarrier(whole.world, request); });
  {
    const std::lock_guard lock(r.library->mutex);
    for (std::size_t i = 0; i < r.communicators().size(); ++i)
      check_mpi(MPI_Comm_split(*whole.communicators()[i], number, whole.rank, r.communicators()[i]), "split");
    r.begin();
  }
  if (r.ranks == 1) return {};
  r.names = comm.gather(name(rank()));
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
  if (ranks_) ranks_->library->pulse->set_timeout(seconds);
}

void Comm::sum(std::span<float> x) {
  if (ranks_) ranks_->sum(x, MPI_FLOAT);
}

void Comm::sum(std::span<double> x) {
  if (ranks_) ranks_->sum(x, MPI_DOUBLE);
}

void Comm::compress_sums(Compression c) {
  if (!ranks_) return;
  ranks_->library->compression = c;
  for (RingSums* ring : ranks_->library->rings) ring->compress_by(c);
}

void Comm::start_sum(std::span<float> x) {
  if (!ranks_) return;
  const std::lock_guard lock(ranks_->library->mutex);
  ranks_->ring->start(x);
}

void Comm::proceed() {
  if (!ranks_) return;
  const std::unique_lock lock(ranks_->library->mutex, std::try_to_lock);
  if (lock) ranks_->library->proceed();
}

std::size_t Comm::finish_sums() { return ranks_ ? ranks_->library->finish_sums() : 0; }

bool Comm::sums_under_way() const {
  if (!ranks_) return false;
  const std::lock_guard lock(ranks_->library->mutex);
  return ranks_->ring && !ranks_->ring->idle();
}

void Comm::broadcast(std::span<std::byte> bytes) {
  if (!ranks_) return;
  for (std::size_t at = 0; at < bytes.size(); at += broadcast_piece)
    ranks_->library->run("broadcast", [&](MPI_Request* r) {
      return MPI_Ibcast(bytes.data() + at, static_cast<int>(std::min(broadcast_piece, bytes.size() - at)), MPI_BYTE, 0,
                        ranks_->world, r);
    });
}

void Comm::exchange(std::span<const float> from, std::span<const int> counts, std::span<float> to,
                    std::span<const int> arriving, std::size_t record) {
  if (!ranks_) {
    std::copy_n(from.data(), static_cast<std::size_t>(counts[0]) * record, to.data());
    return;
  }
  std::vector<int> leaving_at(counts.size()), arriving_at(counts.size());
  for (std::size_t r = 1; r < counts.size(); ++r) {
    leaving_at[r] = leaving_at[r - 1] + counts[r - 1];
    arriving_at[r] = arriving_at[r - 1] + arriving[r - 1];
  }
  MPI_Datatype type = MPI_DATATYPE_NULL;  // MPI counts in int, so the unit is a record, not a float
  {
    const std::lock_guard lock(ranks_->library->mutex);
    check_mpi(MPI_Type_contiguous(static_cast<int>(record), MPI_FLOAT, &type), "exchange");
    check_mpi(MPI_Type_commit(&type), "exchange");
  }
  ranks_->library->run("exchange", [&](MPI_Request* r) {
    return MPI_Ialltoallv(from.data(), counts.data(), leaving_at.data(), type, to.data(), arriving.data(),
                          arriving_at.data(), type, ranks_->world, r);
  });
  const std::lock_guard lock(ranks_->library->mutex);
  check_mpi(MPI_Type_free(&type), "exchange");
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

double Comm::waited_s() const { return ranks_ ? ranks_->library->waited_s : 0; }

void Comm::abort(int code) {
  if (ranks_) abort_all(code);
  std::_Exit(code);
}

}  // namespace mvmoe
