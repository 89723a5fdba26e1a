// engine/comm.h: the ranks of a run: processes that a launcher (mpirun, srun) started to work together.
//
// Two files implement it, and one of them is linked: comm_local.cpp for one rank, mpi/comm.cpp for several (make
// MPI=1). A sum has the same bits on every rank, and in every run with the same number of ranks. A call that says
// "Collective" must be made by every rank, in the same order. In a process that is alone it returns at once.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/compressed.h"
#include "engine/parameter.h"

namespace mvmoe {

class Comm {
 public:
  Comm();   // alone: one rank
  ~Comm();  // Collective: every rank must call it
  Comm(Comm&&) noexcept;

  // Joins the ranks that the launcher started; alone if it started one process. Call it before any other thread is
  // started: the MPI library's threads must not take signals. When a rank is lost, `lost` is called with one line, on a
  // thread of its own, and then the process ends. Throws UsageError if this build, or its MPI, does not see the ranks
  // that the launcher started. Collective: every rank must call it.
  static Comm join(std::function<void(const std::string& line)> lost);
  // A communicator of the ranks that call with the same number, in the same order as here. It shares the names and
  // waited_s() with this one, which must outlive it. Collective: every rank must call it.
  Comm split(int number);

  static bool has_mpi();
  static std::string version();  // of the MPI library; empty without MPI

  int rank() const;  // 0 .. ranks - 1
  int ranks() const;
  bool first() const { return rank() == 0; }

  // "rank 2 (host b, process 4711)"; "rank 0" in a process that is alone.
  const std::string& name(int rank) const;

  // A rank counts as lost when nothing was heard from it for so many seconds.
  void set_timeout(int seconds);

  // Sums over the ranks, in place; x has the same size on every rank. Collective: every rank must call it.
  void sum(std::span<float> x);
  void sum(std::span<double> x);

  // The same sum while other work goes on; any thread may call. start_sum begins to sum a piece. proceed lets all begun
  // sums make progress and does not wait. finish_sums waits for all of them, those of split communicators too, and
  // returns how many numbers were summed before it was called. compress_sums chooses the form in which numbers are
  // sent. Collective: every rank must start the same pieces in the same order, and call finish_sums. Pieces that go
  // down in memory are fastest.
  void compress_sums(Compression c);
  void start_sum(std::span<float> x);
  void proceed();
  std::size_t finish_sums();
  // True while a sum that start_sum began is not done. Its memory must not be freed then.
  bool sums_under_way() const;
  double sum(double x) {
    sum(std::span<double>(&x, 1));
    return x;
  }

  // Copies rank 0's bytes to every rank; the size is the same on every rank. Collective: every rank must call it.
  void broadcast(std::span<std::byte> bytes);
  void broadcast(const Block& x) { broadcast(std::as_writable_bytes(std::span<float>(x.data(), x.size()))); }
  std::string broadcast(const std::string& text);

  // Every rank sends records of `record` floats to every rank. `from` holds counts[0] records for rank 0, then
  // counts[1] records for rank 1, and so on. `to` receives arriving[0] records from rank 0, then arriving[1] from rank
  // 1, and so on. Each rank must expect what the others send. Collective: every rank must call it.
  void exchange(std::span<const float> from, std::span<const int> counts, std::span<float> to,
                std::span<const int> arriving, std::size_t record);

  // Returns the texts of all ranks, by rank. Collective: every rank must call it.
  std::vector<std::string> gather(const std::string& text);
  // The same at the end of the work, which another rank may not reach. Returns nothing if a rank did not call within
  // `patience_s` seconds (below 0: waits without end).
  std::optional<std::vector<std::string>> gather_at_end(const std::string& text, double patience_s);

  // Runs `work` on rank 0; the others wait. If it throws, every rank throws the same error. Collective: every rank must
  // call it.
  void on_first(const std::function<void()>& work);
  // Runs `work` on every rank and waits for all. If it throws on some ranks only, every rank throws the error of the
  // first of them, with that rank's name. Collective: every rank must call it.
  void everywhere(const std::function<void()>& work);
  // Throws UsageError on every rank if a rank's text differs from rank 0's. The message names `what` (a noun), the
  // rank, and the first line that differs. Collective: every rank must call it.
  void require_same(const std::string& what, const std::string& text);

  double waited_s() const;  // seconds spent waiting in the calls above, in total

  // Ends every rank's process with this exit code, whatever it is doing.
  [[noreturn]] void abort(int code);

 private:
  struct Ranks;
  std::unique_ptr<Ranks> ranks_;  // null: alone
};

}  // namespace mvmoe
