// tools/report/charts.h: curves over epochs and the eigenvalues, as SVG. Widths are 480 units: a phone shows them at
// about 0.7, so no text is below 13 units.
#pragma once
#include <optional>
#include <string>
#include <vector>

namespace mvmoe::report {

struct Point {
  double x = 0, y = 0;
};

struct Curve {
  std::string name;    // as it came from outside
  std::string colour;  // a class of style.css: c0 .. c6
  bool dashed = false;
  std::vector<Point> points;  // x rising
};

// A figure with its title; nothing where no curve has a point. `digits` behind the point for the values at the ends.
void put_line_chart(std::string& page, const std::string& title, const std::vector<Curve>& curves, int digits);

// Which colour is which curve.
void put_legend(std::string& page, const std::vector<Curve>& curves);

// What was measured several times at one place of an axis.
struct Measured {
  double x = 0, mean = 0;
  std::optional<double> error;  // drawn as a bar to both sides
  std::string name;             // as it came from outside
  struct Single {
    std::string name;  // ours: "seed 0"
    double y = 0;
  };
  std::vector<Single> single;  // the values that the mean is of, drawn faint
};

struct MeasuredSeries {
  std::string name;    // as it came from outside
  std::string colour;  // a class of style.css
  bool dashed = false;
  std::vector<Measured> points;  // x rising
};

struct MeasuredAxis {
  std::string title;                    // as it came from outside
  bool log = false;                     // all x above 0
  std::vector<std::string> names = {};  // of the places 0, 1, .., where x is no number; these are not joined by lines
};

// A figure of means with error bars; nothing where no series has a point. `with_zero`: the value 0 is on the axis, as a
// line.
void put_measured_chart(std::string& page, const std::string& title, const std::vector<MeasuredSeries>& all,
                        const MeasuredAxis& axis, int digits, bool with_zero);

// The smallest eigenvalues, rising; the gap behind the first `chosen` of them is marked.
void put_eigenvalues(std::string& page, const std::vector<double>& eigenvalues, int chosen);

// About `count` round numbers that cover low .. high: the first is <= low, the last >= high.
std::vector<double> ticks(double low, double high, int count);

}  // namespace mvmoe::report
