#include "tools/report/charts.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "tools/report/html.h"

namespace mvmoe::report {
namespace {

// Where values stand in the picture: a frame with room for the axes' numbers on its left and below.
struct Frame {
  double x_low, x_high, y_low, y_high;
  double left = 56, right = 424, top = 12, bottom = 222;
  double x(double value) const { return left + (value - x_low) / (x_high - x_low) * (right - left); }
  double y(double value) const { return bottom - (value - y_low) / (y_high - y_low) * (bottom - top); }
};

void put_text(std::string& page, double x, double y, const char* anchor, const std::string& text) {
  put(page, "<text x=\"", coordinate(x), "\" y=\"", coordinate(y), "\" text-anchor=\"", anchor, "\">", text, "</text>");
}

std::string tick_label(double value) { return std::abs(value) < 1e-12 ? "0" : significant(value, 4); }

// For what is counted from 1: whole numbers, 1 among them, and none that stands too near to it.
std::vector<double> counting_ticks(double highest) {
  std::vector<double> out = ticks(1, std::max(highest, 2.0), 5);
  std::erase_if(out, [&](double x) { return x != std::floor(x) || x < 1 + 0.12 * (highest - 1); });
  out.insert(out.begin(), 1);
  return out;
}

void open_chart(std::string& page, const std::string& title) {
  put(page, "<figure class=\"chart\"><figcaption>", title,
      "</figcaption>\n<svg viewBox=\"0 0 480 268\" role=\"img\" aria-label=\"", title, "\">");
}

void put_axes(std::string& page, const Frame& frame, const std::vector<double>& x_ticks,
              const std::vector<double>& y_ticks, const char* x_title) {
  for (const double value : y_ticks) {
    const double y = frame.y(value);
    put(page, "<path class=\"grid\" d=\"M", coordinate(frame.left), " ", coordinate(y), "H", coordinate(frame.right),
        "\"/>");
    put_text(page, frame.left - 7, y + 4.5, "end", tick_label(value));
  }
  for (const double value : x_ticks)
    if (value >= frame.x_low && value <= frame.x_high)
      put_text(page, frame.x(value), frame.bottom + 18, "middle", tick_label(value));
  put_text(page, (frame.left + frame.right) / 2, frame.bottom + 38, "middle", x_title);
}

// Labels at the curves' ends, pushed apart where they would cover each other.
void put_end_labels(std::string& page, const Frame& frame, const std::vector<Curve>& curves, int digits) {
  struct Label {
    double y;
    const Curve* curve;
  };
  constexpr double apart = 16;
  std::vector<Label> labels;
  for (const Curve& curve : curves)
    if (!curve.points.empty()) labels.push_back({frame.y(curve.points.back().y), &curve});
  std::stable_sort(labels.begin(), labels.end(), [](const Label& a, const Label& b) { return a.y < b.y; });
  for (std::size_t i = 1; i < labels.size(); ++i) labels[i].y = std::max(labels[i].y, labels[i - 1].y + apart);
  double lowest = frame.bottom - 6;  // what was pushed below the frame moves up again
  for (std::size_t i = labels.size(); i-- > 0; lowest -= apart) labels[i].y = std::min(labels[i].y, lowest);
  for (const Label& label : labels) {
    const double value = label.curve->points.back().y;
    put(page, "<g class=\"", label.curve->colour, " end\">");
    put_text(page, frame.right + 8, label.y + 4.5, "start", digits > 0 ? number(value, digits) : significant(value, 2));
    put(page, "</g>");
  }
}

}  // namespace

std::vector<double> ticks(double low, double high, int count) {
  if (!(high > low)) {
    const double room = low == 0 ? 1 : std::abs(low) * 0.1;
    low -= room, high += room;
  }
  const double rough = (high - low) / count, power = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double factor : {5.0, 2.0, 1.0})
    if (factor * power >= rough * 0.999) step = factor * power;
  std::vector<double> out;
  const double first = std::floor(low / step + 1e-9);
  for (double k = first; out.empty() || out.back() < high - 1e-9 * step; ++k) out.push_back(k * step);
  return out;
}

void put_line_chart(std::string& page, const std::string& title, const std::vector<Curve>& curves, int digits) {
  constexpr std::size_t most_hover_points = 60, most_end_labels = 6;
  double x_high = 0, low = INFINITY, high = -INFINITY;
  for (const Curve& curve : curves)
    for (const Point& p : curve.points)
      x_high = std::max(x_high, p.x), low = std::min(low, p.y), high = std::max(high, p.y);
  if (!(low <= high)) return;

  const std::vector<double> y_ticks = ticks(low, high, 5);
  const Frame frame{.x_low = 1, .x_high = std::max(x_high, 2.0), .y_low = y_ticks.front(), .y_high = y_ticks.back()};

  open_chart(page, title);
  put_axes(page, frame, counting_ticks(x_high), y_ticks, "epoch");
  for (const Curve& curve : curves) {
    if (curve.points.empty()) continue;
    put(page, "\n<g class=\"", curve.colour, "\"><polyline class=\"curve", curve.dashed ? " dashed" : "",
        "\" points=\"");
    for (const Point& p : curve.points) put(page, coordinate(frame.x(p.x)), ",", coordinate(frame.y(p.y)), " ");
    put(page, "\"/>");
    const std::size_t stride = (curve.points.size() + most_hover_points - 1) / most_hover_points;
    for (std::size_t i = curve.points.size(); i-- > 0; i -= std::min(i, stride - 1)) {
      const Point& p = curve.points[i];
      put(page, "<circle cx=\"", coordinate(frame.x(p.x)), "\" cy=\"", coordinate(frame.y(p.y)), "\" r=\"",
          i + 1 == curve.points.size() ? "3.5" : "2", "\"><title>", escaped(curve.name), ", epoch ",
          significant(p.x, 6), ": ", digits > 0 ? number(p.y, digits) : significant(p.y, 3), "</title></circle>");
    }
    put(page, "</g>");
  }
  if (curves.size() <= most_end_labels) put_end_labels(page, frame, curves, digits);
  put(page, "</svg></figure>\n");
}

void put_legend(std::string& page, const std::vector<Curve>& curves) {
  put(page, "<ul class=\"legend\">");
  for (const Curve& curve : curves)
    put(page, "<li><svg class=\"", curve.colour, "\" viewBox=\"0 0 26 10\" aria-hidden=\"true\"><path class=\"curve",
        curve.dashed ? " dashed" : "", "\" d=\"M0 5H26\"/></svg>", short_name(curve.name), "</li>");
  put(page, "</ul>\n");
}

namespace {

// Where an x stands between 0 and 1; the outermost values keep off the frame.
class Places {
 public:
  Places(const std::vector<MeasuredSeries>& all, const MeasuredAxis& axis) : log_(axis.log) {
    for (const MeasuredSeries& series : all)
      for (const Measured& p : series.points) values_.insert(p.x);
    if (!axis.names.empty()) values_.insert({0.0, static_cast<double>(axis.names.size()) - 1});
    low_ = scaled(*values_.begin()), high_ = scaled(*values_.rbegin());
    const double room = high_ > low_ ? 0.06 * (high_ - low_) : 0.5;
    low_ -= room, high_ += room;
  }
  double share(double x) const { return (scaled(x) - low_) / (high_ - low_); }
  const std::set<double>& values() const { return values_; }

 private:
  double scaled(double x) const { return log_ ? std::log(x) : x; }
  bool log_;
  double low_ = 0, high_ = 0;
  std::set<double> values_;
};

// Below the axis stand the values that were measured at, as far as there is room.
void put_places(std::string& page, const Frame& frame, const Places& places, const MeasuredAxis& axis) {
  double free_from = 0;
  const auto label = [&](double x, const std::string& text, double letters) {
    const double at = frame.x(places.share(x)), half = 4 * letters;
    if (at - half < free_from) return;
    put_text(page, at, frame.bottom + 18, "middle", text);
    free_from = at + half + 6;
  };
  if (axis.names.empty()) {
    for (const double x : places.values()) label(x, tick_label(x), static_cast<double>(tick_label(x).size()));
    return;
  }
  const int longest =
      std::max(3, static_cast<int>((frame.right - frame.left) / static_cast<double>(axis.names.size()) / 8));
  for (std::size_t i = 0; i < axis.names.size(); ++i)
    label(static_cast<double>(i), short_name(axis.names[i], longest),
          std::min<double>(longest, static_cast<double>(axis.names[i].size())));
}

void put_measured_series(std::string& page, const Frame& frame, const Places& places, const MeasuredSeries& series,
                         bool joined, double aside, int digits) {
  const auto at = [&](const Measured& p) { return frame.x(places.share(p.x)) + aside; };
  put(page, "\n<g class=\"", series.colour, "\">");
  if (joined && series.points.size() > 1) {
    put(page, "<polyline class=\"curve", series.dashed ? " dashed" : "", "\" points=\"");
    for (const Measured& p : series.points) put(page, coordinate(at(p)), ",", coordinate(frame.y(p.mean)), " ");
    put(page, "\"/>");
  }
  for (const Measured& p : series.points) {
    for (const Measured::Single& one : p.single)
      put(page, "<circle class=\"single\" cx=\"", coordinate(at(p)), "\" cy=\"", coordinate(frame.y(one.y)),
          "\" r=\"2.5\"><title>", escaped(p.name), ", ", escaped(one.name), ": ", number(one.y, digits),
          "</title></circle>");
    if (p.error) {
      const double x = at(p), low = frame.y(p.mean - *p.error), high = frame.y(p.mean + *p.error);
      put(page, "<path class=\"error\" d=\"M", coordinate(x), " ", coordinate(low), "V", coordinate(high));
      for (const double y : {low, high}) put(page, "M", coordinate(x - 4), " ", coordinate(y), "h8");
      put(page, "\"/>");
    }
    put(page, "<circle cx=\"", coordinate(at(p)), "\" cy=\"", coordinate(frame.y(p.mean)), "\" r=\"4\"><title>",
        escaped(p.name), ": ", number(p.mean, digits), p.error ? " \xC2\xB1 " + number(*p.error, digits) : "",
        "</title></circle>");
  }
  put(page, "</g>");
}

}  // namespace

void put_measured_chart(std::string& page, const std::string& title, const std::vector<MeasuredSeries>& all,
                        const MeasuredAxis& axis, int digits, bool with_zero) {
  double low = with_zero ? 0 : INFINITY, high = with_zero ? 0 : -INFINITY;
  bool any = false;
  const auto cover = [&](double y) { low = std::min(low, y), high = std::max(high, y), any = true; };
  for (const MeasuredSeries& series : all)
    for (const Measured& p : series.points) {
      cover(p.mean - p.error.value_or(0)), cover(p.mean + p.error.value_or(0));
      for (const Measured::Single& one : p.single) cover(one.y);
    }
  if (!any) return;
  const std::vector<double> y_ticks = ticks(low, high, 5);
  const Frame frame{.x_low = 0, .x_high = 1, .y_low = y_ticks.front(), .y_high = y_ticks.back(), .right = 464};
  const Places places(all, axis);
  open_chart(page, title);
  put_axes(page, frame, {}, y_ticks, escaped(axis.title).c_str());
  put_places(page, frame, places, axis);
  if (with_zero && low < 0)
    put(page, "<path class=\"zero\" d=\"M", coordinate(frame.left), " ", coordinate(frame.y(0)), "H",
        coordinate(frame.right), "\"/>");
  const double step = all.size() > 1 ? std::min(7.0, 28.0 / static_cast<double>(all.size()))
                                     : 0;  // bars of several series stand side by side
  for (std::size_t i = 0; i < all.size(); ++i)
    put_measured_series(page, frame, places, all[i], axis.names.empty(),
                        step * (static_cast<double>(i) - (static_cast<double>(all.size()) - 1) / 2), digits);
  put(page, "</svg></figure>\n");
}

void put_eigenvalues(std::string& page, const std::vector<double>& eigenvalues, int chosen) {
  const std::size_t shown =
      std::min(eigenvalues.size(), std::max<std::size_t>(20, static_cast<std::size_t>(2 * chosen)));
  if (shown == 0) return;
  const double highest =
      *std::max_element(eigenvalues.begin(), eigenvalues.begin() + static_cast<std::ptrdiff_t>(shown));
  const double lowest =
      *std::min_element(eigenvalues.begin(), eigenvalues.begin() + static_cast<std::ptrdiff_t>(shown));
  const std::vector<double> y_ticks = ticks(std::min(0.0, lowest), std::max(highest, 1e-3), 5);
  const Frame frame{.x_low = 0,
                    .x_high = static_cast<double>(shown) + 1,
                    .y_low = y_ticks.front(),
                    .y_high = y_ticks.back(),
                    .right = 464};

  open_chart(page, shown < eigenvalues.size() ? "The " + whole(static_cast<long long>(shown)) + " smallest eigenvalues"
                                              : "Eigenvalues");
  const auto e = static_cast<std::size_t>(chosen);
  const bool has_gap = e >= 1 && e < shown;
  if (has_gap)
    put(page, "<rect class=\"band\" x=\"", coordinate(frame.left), "\" y=\"", coordinate(frame.y(eigenvalues[e])),
        "\" width=\"", coordinate(frame.right - frame.left), "\" height=\"",
        coordinate(std::max(1.0, frame.y(eigenvalues[e - 1]) - frame.y(eigenvalues[e]))), "\"/>");
  put_axes(page, frame, counting_ticks(static_cast<double>(shown)), y_ticks, "number of the eigenvalue");
  put(page, "<g class=\"c0\">");
  for (std::size_t i = 0; i < shown; ++i)
    put(page, "<circle class=\"", i < e ? "" : "hollow", "\" cx=\"", coordinate(frame.x(static_cast<double>(i + 1))),
        "\" cy=\"", coordinate(frame.y(eigenvalues[i])), "\" r=\"4\"><title>", whole(static_cast<long long>(i + 1)),
        ": ", number(eigenvalues[i], 4), "</title></circle>");
  put(page, "</g>");
  if (has_gap) {
    const double x = frame.x(chosen + 0.5);
    put(page, "<path class=\"cut\" d=\"M", coordinate(x), " ", coordinate(frame.top), "V", coordinate(frame.bottom),
        "\"/>");
    const bool on_the_left = x > 300;
    put_text(page, x + (on_the_left ? -8 : 8), frame.bottom - 12, on_the_left ? "end" : "start",
             "E = " + whole(chosen) + ", gap " + number(eigenvalues[e] - eigenvalues[e - 1], 3));
  }
  put(page, "</svg></figure>\n");
}

}  // namespace mvmoe::report
