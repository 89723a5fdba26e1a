// engine/threads.h: a team of threads that runs one function at a time.
//
// Threads stand outside (a lane of images each), kernels are single-threaded code. Results never depend on the
// number of threads: work is cut by the shapes alone, and threads only decide who does which piece.
//
// Not OpenMP's: its threads spin at barriers, and on cores that are shared with another program two of them were
// measured up to 70 times slower than one. These sleep; for what is shared within one image they stay awake a moment.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace mvmoe {

class Threads {
 public:
  explicit Threads(int count);  // at least 1; the caller is one of them
  ~Threads();
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

  int count() const { return static_cast<int>(workers_.size()) + 1; }

  // Runs body(thread) once on each thread, 0 being the caller, and waits for all. The first exception is thrown again
  // here. Must not be called from inside a body.
  template <class Body>
  void run(const Body& body) {
    run([](const void* b, int thread) { (*static_cast<const Body*>(b))(thread); }, &body);
  }

  // body(piece, thread) for 0 <= piece < n, each once, on whichever threads are free; returns when all are done. Unlike
  // `run` it waits for pieces, not for threads: one that the system keeps from running has none, and costs nothing. For
  // many short calls in a row: threads look for the next one for some microseconds before they sleep. The first
  // exception is thrown again here, after all pieces. Must not be called from inside a body.
  template <class Body>
  void share(int n, const Body& body) {
    share([](const void* b, int piece, int thread) { (*static_cast<const Body*>(b))(piece, thread); }, &body, n);
  }

  // body(i) for 0 <= i < n, each once; thread t takes a contiguous share.
  template <class Body>
  void each(std::size_t n, const Body& body) {
    const auto threads = static_cast<std::size_t>(count());
    run([&](int thread) {
      const auto t = static_cast<std::size_t>(thread);
      for (std::size_t i = n * t / threads; i < n * (t + 1) / threads; ++i) body(i);
    });
  }

 private:
  using Call = void (*)(const void* body, int thread);
  using CallPiece = void (*)(const void* body, int piece, int thread);
  void run(Call call, const void* body);
  void share(CallPiece call, const void* body, int n);
  void take_pieces(int thread);
  void work(int thread);
  template <class Function>
  void guarded(const Function& function);  // keeps the first exception
  void throw_failure();
  void end();  // stops and joins the workers

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Call call_ = nullptr;
  const void* body_ = nullptr;
  std::uint64_t round_ = 0;  // counts calls of run
  int running_ = 0;          // workers that are not done with this round
  bool stop_ = false;
  std::exception_ptr failure_;

  // What `share` does. A thread takes pieces by lowering the count in `open_`, whose upper half numbers the call: so
  // one that was late finds nothing, and what it reads after it took a piece belongs to the call that waits for that
  // piece.
  std::atomic<std::uint64_t> open_{0};  // call << 32 | pieces that nobody took yet
  std::atomic<int> unfinished_{0};      // pieces
  std::atomic<int> sleeping_{0};        // workers
  CallPiece call_piece_ = nullptr;
  const void* pieces_body_ = nullptr;
};

}  // namespace mvmoe
