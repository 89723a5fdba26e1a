// tools/report/curves.h: what both kinds of page show of a training: its curves and its configuration.
#pragma once
#include <string>
#include <vector>

#include "tools/report/training.h"

namespace mvmoe::report {

// A training and its colour on the page (a class of style.css).
struct Shown {
  const Training* training;
  std::string colour;
  bool dashed = false;
};

// A legend where there are several, and a chart for each column that any of them has.
void put_curves(std::string& page, const std::vector<Shown>& trainings);

// First the flags in which the trainings differ, then all the others.
void put_configuration(std::string& page, const std::vector<Shown>& trainings);

}  // namespace mvmoe::report
