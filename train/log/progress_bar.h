// train/log/progress_bar.h: how far a run is, on stderr: a bar on a terminal, a plain line now and then elsewhere.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>

namespace mvmoe {

struct ProgressLine {
  int epoch = 0, epochs = 0;
  std::uint64_t step = 0, steps = 0;  // of the whole run
  double loss = 0, learning_rate = 0, images_per_s = 0, seconds_left = 0;
};

struct EvaluationLine {
  int epoch = 0, epochs = 0;
  int images = 0, of = 0;   // done, in all
  double seconds_left = 0;  // of the whole run
};

struct WorkLine {
  const char* what = "";
  int done = 0, of = 0;
};

class ProgressBar {
 public:
  enum class Mode { quiet, lines, bar };
  // `interval`: steps between two lines. A bar is drawn at most ten times a second.
  ProgressBar(Mode mode, int interval) : mode_(mode), interval_(interval) {}
  ~ProgressBar();  // leaves the bar's line, so that what comes next does not stand on it
  static Mode mode_for_stderr(bool quiet);

  void show(const ProgressLine& line);
  void show(const EvaluationLine& line);  // on a terminal only
  void show(const WorkLine& line);        // on a terminal only
  void say(const std::string& text);      // a line of its own, above the bar
  void warn(const std::string& text);     // the same, in quiet too

 private:
  void draw(const std::string& before, double share, const std::string& after);

  Mode mode_;
  int interval_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point last_{};
};

std::string duration(double seconds);  // "1:02:03", "4:05"

}  // namespace mvmoe
