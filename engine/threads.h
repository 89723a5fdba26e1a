// engine/threads.h: a team of threads that runs one function at a time.
//
// In training each thread takes lanes of images, and kernels are single-threaded code. Results never depend on the
// number of threads: the shapes alone decide how work is cut, and a thread only takes pieces.
//
// These are not OpenMP's threads. Those spin at barriers, and on cores shared with another program two of them were
// measured up to 70 times slower than one. Ours sleep. After a call of `share` they stay awake for a moment.
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
  explicit Threads(int count);  // at least 1; the calling thread is one of them
  ~Threads();
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

  int count() const { return static_cast<int>(workers_.size()) + 1; }

  // Runs body(thread) once on each thread and waits for all; thread 0 is the caller. The first exception is thrown
  // again here. Must not be called from inside a body.
  template <class Body>
  void run(const Body& body) {
    run([](const void* b, int thread) { (*static_cast<const Body*>(b))(thread); }, &body);
  }

  // Runs body(piece, thread) once for each 0 <= piece < n, on the threads that are free, and returns when all pieces
  // are done. `run` waits for every thread; `share` waits for pieces only, so a thread that the system does not let run
  // costs nothing. It is for many short calls in a row: threads look for the next call for some microseconds before
  // they sleep. The first exception is thrown again here, after all pieces. Must not be called from inside a body.
  template <class Body>
  void share(int n, const Body& body) {
    share([](const void* b, int piece, int thread) { (*static_cast<const Body*>(b))(piece, thread); }, &body, n);
  }

  // Runs body(i) once for each 0 <= i < n; each thread takes a contiguous range.
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
  int running_ = 0;          // workers that have not finished this round
  bool stop_ = false;
  std::exception_ptr failure_;

  // The state of `share`. A thread takes pieces by lowering the count in the lower half of `open_`. The upper half is
  // the number of the call, so a late thread cannot take a piece of another call by mistake. After it took a piece, the
  // fields below belong to that call, which waits for the piece.
  std::atomic<std::uint64_t> open_{0};  // call << 32 | pieces that are not taken yet
  std::atomic<int> unfinished_{0};      // pieces that are not done yet
  std::atomic<int> sleeping_{0};        // workers that sleep
  CallPiece call_piece_ = nullptr;
  const void* pieces_body_ = nullptr;
};

}  // namespace mvmoe
