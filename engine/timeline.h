// engine/timeline.h: what one thread did, and when: an event for each operation, forward and backward, and for the work
// around them.
//
// An event begins where the one before it ended, so a thread's events fill its time without a gap: memory that an
// operation takes, or experts that are chosen before it, count to the operation that is recorded next.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "engine/tensor.h"

namespace mvmoe {

enum class Phase {
  forward,
  backward,
  around
};  // around: no operation of the tape (merging gradients, the optimizer, waiting)

struct Event {
  const char* name;  // lives as long as the program: a literal
  Phase phase;
  std::int64_t start, end;        // nanoseconds of a steady clock
  std::array<Shape, 3> operands;  // in the operation's own order; without axes where it has fewer
  Shape result;
};

class Timeline {
 public:
  // The time until now belongs to no event. To be called before the first.
  void skip();

  // What was done since the last event, or since `skip`. Gives the event's number.
  int add(const char* name, Phase phase, const std::array<Shape, 3>& operands = {}, Shape result = {});

  // The same for the backward of the operation whose forward has this number.
  void add_backward_of(int event);

  const std::vector<Event>& events() const { return events_; }

 private:
  std::vector<Event> events_;
  std::int64_t last_ = 0;  // where the next event begins
};

}  // namespace mvmoe
