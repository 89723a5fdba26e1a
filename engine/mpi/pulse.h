// engine/mpi/pulse.h: sees that a rank is gone, whatever the others are doing.
//
// The ranks stand in a ring. A thread of each sends a byte to the next once a second and listens to the one before it:
// so a rank may take as long as it likes for its work (a checkpoint on a slow disk), and a killed one or a host that
// was cut off is named by its neighbour. Silence is counted in this thread's own seconds: processes that were all
// stopped together and go on do not miss one another.
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
  int process = 0;   // its id, where it can be looked for from here; 0: it cannot (another host, another container)
};

class Pulse {
 public:
  // `mpi` is held for each call of the library. lost(line) is called once, on the pulse's thread, and must not return.
  Pulse(MPI_Comm comm, std::mutex& mpi, int next, Neighbour before, std::function<void(const std::string& line)> lost);
  ~Pulse();  // all ranks: the neighbours say goodbye

  void set_timeout(int seconds) { timeout_ = seconds; }

 private:
  void beat();
  bool listen();  // true: the neighbour said goodbye
  void send(char word);
  std::string silence() const;  // what is wrong with the neighbour; empty: nothing

  MPI_Comm comm_;
  std::mutex& mpi_;
  int next_;
  Neighbour before_;
  std::function<void(const std::string&)> lost_;
  std::atomic<int> timeout_{60};
  int silent_ = 0;     // seconds
  bool gone_ = false;  // the neighbour said goodbye
  char sent_ = 0, heard_ = 0;
  MPI_Request sending_ = MPI_REQUEST_NULL, listening_ = MPI_REQUEST_NULL;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace mvmoe
