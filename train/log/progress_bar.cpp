#include "train/log/progress_bar.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace mvmoe {
namespace {

int terminal_width() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

std::string figures(const ProgressLine& line) {
  char text[200];
  std::snprintf(text, sizeof text, "loss %.4f  lr %.2e  %.0f images/s  %s left", line.loss, line.learning_rate,
                line.images_per_s, duration(line.seconds_left).c_str());
  return text;
}

std::string place(const ProgressLine& line) {
  char text[100];
  std::snprintf(text, sizeof text, "epoch %d/%d  step %llu/%llu", line.epoch, line.epochs,
                static_cast<unsigned long long>(line.step), static_cast<unsigned long long>(line.steps));
  return text;
}

}  // namespace

std::string duration(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return "?";
  const long s = std::lround(seconds);
  char text[40];
  if (s >= 3600) std::snprintf(text, sizeof text, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
  else std::snprintf(text, sizeof text, "%ld:%02ld", s / 60, s % 60);
  return text;
}

ProgressBar::Mode ProgressBar::mode_for_stderr(bool quiet) {
  if (quiet) return Mode::quiet;
  return isatty(STDERR_FILENO) ? Mode::bar : Mode::lines;
}

ProgressBar::~ProgressBar() {
  if (drawn_) std::fprintf(stderr, "\n");
}

void ProgressBar::show(const ProgressLine& line) {
  const bool last = line.step == line.steps;
  if (mode_ == Mode::lines && (line.step % static_cast<std::uint64_t>(interval_) == 0 || last))
    std::fprintf(stderr, "%s  %s\n", place(line).c_str(), figures(line).c_str());
  draw(place(line), static_cast<double>(line.step) / static_cast<double>(line.steps), figures(line));
}

void ProgressBar::show(const EvaluationLine& line) {
  char before[100], after[100];
  std::snprintf(before, sizeof before, "epoch %d/%d  evaluating %d of %d", line.epoch, line.epochs, line.images,
                line.of);
  std::snprintf(after, sizeof after, "%s left", duration(line.seconds_left).c_str());
  if (line.images == 0) last_ = {};  // draw at once, even if the evaluation is short
  draw(before, static_cast<double>(line.images) / line.of, after);
}

void ProgressBar::show(const WorkLine& line) {
  if (line.done == 0) last_ = {};
  draw(std::string(line.what) + " " + std::to_string(line.done) + " of " + std::to_string(line.of),
       static_cast<double>(line.done) / line.of, "");
}

void ProgressBar::draw(const std::string& before, double share, const std::string& after) {
  if (mode_ != Mode::bar) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - last_ < std::chrono::milliseconds(100)) return;
  last_ = now;
  const int room = std::clamp(terminal_width() - static_cast<int>(before.size() + after.size()) - 6, 0, 40);
  std::string bar;
  if (room >= 5) {
    const int done = static_cast<int>(room * share);
    bar = " [" + std::string(static_cast<std::size_t>(done), '=') +
          std::string(static_cast<std::size_t>(room - done), ' ') + "]";
  }
  std::string text = before + bar + "  " + after;
  text.resize(std::min(text.size(), static_cast<std::size_t>(terminal_width() - 1)));
  std::fprintf(stderr, "\r\x1b[2K%s", text.c_str());
  drawn_ = true;
}

void ProgressBar::say(const std::string& text) {
  if (mode_ == Mode::quiet) return;
  std::fprintf(stderr, "%s%s\n", drawn_ ? "\r\x1b[2K" : "", text.c_str());
  drawn_ = false;
}

void ProgressBar::warn(const std::string& text) {
  std::fprintf(stderr, "%smvmoe: warning: %s\n", drawn_ ? "\r\x1b[2K" : "", text.c_str());
  drawn_ = false;
}

}  // namespace mvmoe
