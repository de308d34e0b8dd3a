#include "experiments/progress.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/base/log.h"
#include "core/base/printable.h"

namespace cl::experiments {
namespace {

constexpr double kSecondsBetweenPlainLines = 10;
constexpr int64_t kOtherRows = 2;  // the empty line above and the summary below
// A line too long is cut off rather than wrapped: as two rows it would spoil the way back up.
constexpr const char* kNoWrap = "\x1b[?7l";
constexpr const char* kWrap = "\x1b[?7h";
constexpr double kLeastFractionForEstimate = 0.02;  // before, an estimate is a guess

double seconds_between(ProgressBoard::Clock::time_point first,
                       ProgressBoard::Clock::time_point last) {
  return std::chrono::duration<double>(last - first).count();
}

}  // namespace

/// A run on the board; its Progress.
class ProgressBoard::Line final : public Progress {
 public:
  Line(ProgressBoard& board, std::string name, int64_t position)
      : label(std::move(name)), number(position), board_(board) {}
  ~Line() override { board_.end(*this); }
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  void update(const ProgressUpdate& update) override { board_.show(*this, update); }

  // Guarded by the board's mutex.
  const std::string label;
  const int64_t number;  // 1-based
  const Clock::time_point begin = Clock::now();
  ProgressUpdate last;
  double fraction = 0;         // never falls, though phases differ in length
  double fraction_begin = -1;  // where the run went on from; below zero: not known yet
  Clock::time_point spoken{};  // last plain line

 private:
  ProgressBoard& board_;
};

ProgressBoard::ProgressBoard(int64_t num_runs, int jobs, Style style, std::ostream& out)
    : num_runs_(num_runs), jobs_(std::max(jobs, 1)), style_(style), out_(out) {}

ProgressBoard::~ProgressBoard() {
  erase();
}

std::unique_ptr<Progress> ProgressBoard::start(const std::string& label) {
  const std::lock_guard lock(mutex_);
  auto line = std::make_unique<Line>(*this, printable_name(label), ++num_started_);
  lines_.push_back(line.get());
  return line;
}

void ProgressBoard::end(const Line& line) {
  const std::lock_guard lock(mutex_);
  lines_.remove_if([&](const Line* other) { return other == &line; });
  ++num_ended_;
}

void ProgressBoard::show(Line& line, const ProgressUpdate& update) {
  const std::lock_guard lock(mutex_);
  if (style_ == Style::kPlain && update.num_steps == 0) return;  // nothing to tell yet
  const bool is_new = update.experience != line.last.experience || line.fraction_begin < 0;
  line.last = update;
  const double fraction = fraction_done(update);
  if (line.fraction_begin < 0) line.fraction_begin = fraction;
  line.fraction = std::max(line.fraction, fraction);
  if (style_ == Style::kLive) return;
  const auto now = Clock::now();
  if (!is_new && seconds_between(line.spoken, now) < kSecondsBetweenPlainLines) return;
  line.spoken = now;
  log::message(text(line, now));
}

void ProgressBoard::draw(int64_t rows) {
  if (style_ == Style::kPlain) return;
  const std::lock_guard lock(mutex_);
  const auto now = Clock::now();
  // The cursor waits on an empty line above the block: a message of the log written meanwhile fills
  // that line, and the block moves down by one.
  std::vector<std::string> texts;
  for (const Line* line : lines_) texts.push_back(text(*line, now));
  // Moving up stops at the top of the terminal, so a higher block would leave copies of itself.
  const auto most = static_cast<size_t>(std::max<int64_t>(rows - kOtherRows, 1));
  if (rows > 0 && texts.size() > most) {
    const size_t hidden = texts.size() - most + 1;
    texts.resize(most - 1);
    texts.push_back(fmt::format("and {} more under way", hidden));
  }
  texts.push_back(summary(now));
  std::string block = kNoWrap;
  block += "\x1b[J";
  for (const std::string& line : texts) block += "\n\x1b[2K" + line;
  block += fmt::format("\x1b[{}A\r{}", texts.size(), kWrap);
  out_ << block << std::flush;
  is_drawn_ = true;
}

void ProgressBoard::erase() {
  if (is_drawn_) out_ << "\x1b[J" << std::flush;
}

std::string ProgressBoard::text(const Line& line, Clock::time_point now) const {
  const ProgressUpdate& at = line.last;
  std::string result = fmt::format("run {}/{}", line.number, num_runs_);
  if (!line.label.empty()) result += "  " + line.label;
  if (at.num_experiences == 0) return result + "  starting";
  result += fmt::format("  experience {}/{}", at.experience + 1, at.num_experiences);
  if (!at.phase.empty()) result += "  " + at.phase;
  if (at.num_epochs > 0) result += fmt::format("  epoch {}/{}", at.epoch + 1, at.num_epochs);
  if (std::isfinite(at.loss)) result += fmt::format("  loss {:.4f}", at.loss);
  const double elapsed = seconds_between(line.begin, now);
  result += "  " + clock_text(elapsed);
  const double done = line.fraction - line.fraction_begin;
  if (done >= kLeastFractionForEstimate) {
    result += fmt::format("  left ~{}", clock_text(elapsed * (1 - line.fraction) / done));
  }
  return result;
}

std::string ProgressBoard::summary(Clock::time_point now) const {
  const double elapsed = seconds_between(begin_, now);
  std::string result =
      fmt::format("{} of {} runs done  {}", num_ended_, num_runs_, clock_text(elapsed));
  double done = static_cast<double>(num_ended_);
  for (const Line* line : lines_) done += line->fraction;
  const double left = static_cast<double>(num_runs_) - done;
  if (done >= kLeastFractionForEstimate) {
    result += fmt::format("  left ~{}", clock_text(elapsed * left / done));
  }
  return result;
}

double fraction_done(const ProgressUpdate& update) {
  if (update.num_experiences <= 0) return 0;
  double phase = 0;
  if (update.num_steps > 0) {
    phase = static_cast<double>(update.step) / static_cast<double>(update.num_steps);
  }
  if (update.num_epochs > 0) {
    phase = (static_cast<double>(update.epoch) + phase) / static_cast<double>(update.num_epochs);
  }
  const double all = static_cast<double>(update.experience) + std::clamp(phase, 0.0, 1.0);
  return std::clamp(all / static_cast<double>(update.num_experiences), 0.0, 1.0);
}

std::string clock_text(double seconds) {
  const auto whole = static_cast<int64_t>(std::max(seconds, 0.0));
  const int64_t hours = whole / 3600, minutes = whole / 60 % 60;
  if (hours > 0) return fmt::format("{}:{:02}:{:02}", hours, minutes, whole % 60);
  return fmt::format("{}:{:02}", minutes, whole % 60);
}

}  // namespace cl::experiments
