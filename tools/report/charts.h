// tools/report/charts.h: curves over epochs and the eigenvalues, as SVG. Widths are 480 units: a phone shows them at
// about 0.7, so no text is below 13 units.
#pragma once
#include <string>
#include <vector>

namespace mvmoe::report {

struct Point {
  double x = 0, y = 0;
};

struct Curve {
  std::string name;     // as it came from outside
  std::string colour;   // a class of style.css: c0 .. c6
  bool dashed = false;
  std::vector<Point> points;  // x rising
};

// A figure with its title; nothing where no curve has a point. `digits` behind the point for the values at the ends.
void put_line_chart(std::string& page, const std::string& title, const std::vector<Curve>& curves, int digits);

// Which colour is which curve.
void put_legend(std::string& page, const std::vector<Curve>& curves);

// The smallest eigenvalues, rising; the gap behind the first `chosen` of them is marked.
void put_eigenvalues(std::string& page, const std::vector<double>& eigenvalues, int chosen);

// About `count` round numbers that cover low .. high: the first is <= low, the last >= high.
std::vector<double> ticks(double low, double high, int count);

}  // namespace mvmoe::report
