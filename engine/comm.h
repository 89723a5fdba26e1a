// engine/comm.h: the ranks of a run: processes that a launcher (mpirun, srun) started to work together.
//
// Two files implement it and one is linked: comm_local.cpp, where there is one rank, and mpi/comm.cpp (make MPI=1).
// What is summed has the same bits on every rank, and for the same number of ranks in every run. A call that all ranks
// must make says so; in a process that is alone each returns at once.
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
  ~Comm();  // all ranks
  Comm(Comm&&) noexcept;

  // Joins the ranks that the launcher started; alone where it started one. Before any other thread is started: the
  // library's threads must not take signals. `lost` is called on a thread of its own, with one line, when a rank is
  // lost; the process ends after it. Throws UsageError if this build or its MPI does not see the launcher's ranks.
  static Comm join(std::function<void(const std::string& line)> lost);
  // The ranks that give the same number, as ranks of their own, in the order in which they are here. Names and the
  // number of seconds waited are those of all. This one must outlive it. All ranks.
  Comm split(int number);

  static bool has_mpi();
  static std::string version();  // of the library, empty without

  int rank() const;  // 0 .. ranks - 1
  int ranks() const;
  bool first() const { return rank() == 0; }

  // "rank 2 (host b, process 4711)"; "rank 2" before the ranks have met.
  const std::string& name(int rank) const;

  // A rank is lost when nothing was heard of it for so long.
  void set_timeout(int seconds);

  // Sums over the ranks, in place. All ranks, with as many numbers.
  void sum(std::span<float> x);
  void sum(std::span<double> x);

  // The same while other work goes on, from any thread: begins with one piece, lets all that were begun proceed a
  // little, waits for them all, those of what this was split into among them. All ranks, with the same pieces in the
  // same order; from the end of memory down is fastest. `finish` gives how many numbers were summed before it was
  // called. What is sent for them may be compressed.
  void compress_sums(Compression c);
  void start_sum(std::span<float> x);
  void proceed();
  std::size_t finish_sums();
  // Whether a sum of this one's was begun and is not through: what it sums must not be freed.
  bool sums_under_way() const;
  double sum(double x) {
    sum(std::span<double>(&x, 1));
    return x;
  }

  // What rank 0 has, to all. All ranks; `bytes` of the same size everywhere.
  void broadcast(std::span<std::byte> bytes);
  void broadcast(const Block& x) { broadcast(std::as_writable_bytes(std::span<float>(x.data(), x.size()))); }
  std::string broadcast(const std::string& text);

  // Everyone gives to everyone: of `from`, counts[0] records of `record` floats to rank 0, those behind them to rank 1,
  // and so on; `to` gets arriving[r] of rank r, in the same order. All ranks; what one sends another must expect.
  void exchange(std::span<const float> from, std::span<const int> counts, std::span<float> to,
                std::span<const int> arriving, std::size_t record);

  // Everyone's text, by rank, on every rank. All ranks.
  std::vector<std::string> gather(const std::string& text);
  // The same at the end of the work, which another rank may not reach: empty if one did not come within the patience in
  // seconds (below 0: without end).
  std::optional<std::vector<std::string>> gather_at_end(const std::string& text, double patience_s);

  // Runs work on rank 0, while the others wait. Where it throws, all throw the same. All ranks.
  void on_first(const std::function<void()>& work);
  // Runs work on every rank and waits for all. Where it throws on some only, all throw the first one's error, with its
  // name. All ranks.
  void everywhere(const std::function<void()>& work);
  // Throws UsageError on all ranks, naming the first rank whose text is another than rank 0's, and where they part.
  // `what` is what the text is, for the message. All ranks.
  void require_same(const std::string& what, const std::string& text);

  double waited_s() const;  // seconds in all of these, in all

  // Ends every rank, with this code, whatever they are doing.
  [[noreturn]] void abort(int code);

 private:
  struct Ranks;
  std::unique_ptr<Ranks> ranks_;  // null: alone
};

}  // namespace mvmoe
