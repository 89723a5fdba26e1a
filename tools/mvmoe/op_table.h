// tools/mvmoe/op_table.h: where a step's time goes: the events of all threads, summed by operation.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "engine/timeline.h"

namespace mvmoe {

// What an operation does once. Multiply-adds are counted where there is a matrix product; floats are what must be read
// and written at least: forward reads the operands and writes the result; backward reads both and the result's
// gradient, and reads and writes the operands' gradients. (Of stacked experts: those of all, whoever was chosen.)
struct Work {
  double multiply_adds = 0, floats = 0;
};
Work work_of(const Event& event);

struct OpTime {
  int calls = 0;
  double ms = 0;  // a step, the mean over the threads
  Work work;      // a step, of all threads
};

struct OpRow {
  std::string name;          // with the weight's shape, where there is one: "linear [192, 768]"
  OpTime forward, backward;  // what is around the operations stands in `forward`
  double share = 0;          // of the threads' time; all rows together are 1
};

// Rows in falling order of share. `timelines` [threads] hold whole steps, `steps` of them.
std::vector<OpRow> op_rows(const std::vector<Timeline>& timelines, int steps);

void print_op_table(const std::vector<OpRow>& rows);
nlohmann::ordered_json op_table_json(const std::vector<OpRow>& rows);

}  // namespace mvmoe
