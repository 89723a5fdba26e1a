// engine/timeline.h: what one thread did, and when: an event for each forward, each backward, and the work around them.
//
// An event begins when the one before it ended. So the events of a thread leave no gap. Work before an operation is
// recorded (taking memory, choosing experts) counts to that operation.
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
};  // around: work that is no operation of the tape (merging gradients, the optimizer, waiting)

struct Event {
  const char* name;  // a string literal: it must live as long as the program
  Phase phase;
  std::int64_t start, end;        // nanoseconds of a steady clock
  std::array<Shape, 3> operands;  // in the order of the operation; missing operands have no axes
  Shape result;
};

class Timeline {
 public:
  // Starts the clock: the time until now belongs to no event. Call it before the first event.
  void skip();

  // Adds an event that lasted from the end of the last one, or from `skip`, until now. Returns its number.
  int add(const char* name, Phase phase, const std::array<Shape, 3>& operands = {}, Shape result = {});

  // The same for a backward; `event` is the number of its forward.
  void add_backward_of(int event);

  const std::vector<Event>& events() const { return events_; }

 private:
  std::vector<Event> events_;
  std::int64_t last_ = 0;  // time at which the next event begins
};

}  // namespace mvmoe
