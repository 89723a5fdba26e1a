// engine/mpi/pulse.h: notices that a rank is gone, whatever the other ranks are doing.
//
// The ranks form a ring. In each rank a thread sends a byte to the next rank once a second, and listens to the rank
// before it. So a rank may work for as long as it needs (a checkpoint on a slow disk). If a rank is killed, or its host
// is cut off, the next rank in the ring reports it by name. This thread counts the seconds of silence itself. So if all
// processes were stopped together and continue, none of them reports another.
#pragma once
#include <mpi.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace mvmoe {

struct Neighbour {
  int rank = 0;
  std::string name;  // "rank 2 (host b, process 4711)"
  int process = 0;   // its id, to check that it exists; 0: not possible from here (another host, another container)
};

class Pulse {
 public:
  // `mpi` is locked for each call of the library. `next` is the rank to send to, `before` the rank to listen to.
  // lost(line) is called once, on the pulse's thread, and must not return.
  Pulse(MPI_Comm comm, std::mutex& mpi, int next, Neighbour before, std::function<void(const std::string& line)> lost);
  ~Pulse();  // says goodbye to the neighbours. Collective: every rank must call it

  void set_timeout(int seconds) { timeout_ = seconds; }

 private:
  void beat();
  bool listen();  // true: the neighbour said goodbye
  void send(char word);
  std::string silence() const;  // what is wrong with the neighbour; empty if nothing is

  MPI_Comm comm_;
  std::mutex& mpi_;
  int next_;
  Neighbour before_;
  std::function<void(const std::string&)> lost_;
  std::atomic<int> timeout_{60};
  int silent_ = 0;     // seconds since the neighbour was heard
  bool gone_ = false;  // the neighbour said goodbye
  char sent_ = 0, heard_ = 0;
  MPI_Request sending_ = MPI_REQUEST_NULL, listening_ = MPI_REQUEST_NULL;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace mvmoe
