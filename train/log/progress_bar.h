// train/log/progress_bar.h: progress on stderr: a bar on a terminal, else a plain line now and then.
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
  int images = 0, of = 0;   // images done, images in all
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
  ~ProgressBar();  // ends the line of the bar
  static Mode mode_for_stderr(bool quiet);

  void show(const ProgressLine& line);
  void show(const EvaluationLine& line);  // on a terminal only
  void show(const WorkLine& line);        // on a terminal only
  void say(const std::string& text);      // a line above the bar
  void warn(const std::string& text);     // the same, also in mode quiet

 private:
  void draw(const std::string& before, double share, const std::string& after);

  Mode mode_;
  int interval_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point last_{};
};

std::string duration(double seconds);  // "1:02:03", "4:05"

}  // namespace mvmoe
