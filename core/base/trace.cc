#include "core/base/trace.h"

#include <atomic>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/base/log.h"
#include "core/base/replacement.h"

namespace cl::trace {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kMostEvents = 1'000'000;

struct Event {
  std::string name;
  Clock::time_point begin, end;
  int thread = 0;
};

struct Recorder {
  std::atomic<bool> is_on = false;
  std::atomic<int> num_threads = 0;
  std::mutex mutex;  // over what follows
  Clock::time_point start;
  std::vector<Event> events;
};

Recorder& recorder() {
  static Recorder instance;
  return instance;
}

/// A small number that this thread alone has.
int thread_number() {
  thread_local const int number = recorder().num_threads++;
  return number;
}

double microseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

}  // namespace

void start() {
  Recorder& all = recorder();
  const std::lock_guard lock(all.mutex);
  all.start = Clock::now();
  all.events.clear();
  all.is_on = true;
}

void write(const std::filesystem::path& file) {
  Recorder& all = recorder();
  const std::lock_guard lock(all.mutex);
  auto events = nlohmann::json::array();
  for (const Event& event : all.events) {
    events.push_back({{"name", event.name},
                      {"ph", "X"},
                      {"ts", microseconds(event.begin - all.start)},
                      {"dur", microseconds(event.end - event.begin)},
                      {"pid", 1},
                      {"tid", event.thread}});
  }
  if (all.events.size() == kMostEvents) log::warn("the trace ends early: it is full");
  const std::string text = nlohmann::json{{"traceEvents", std::move(events)}}.dump();
  Replacement replacement(followed(file));
  replacement.write(text.data(), text.size());
  replacement.finish();
}

Span::Span(std::string_view name) : is_remembered_(recorder().is_on) {
  if (!is_remembered_) return;
  name_ = name;
  begin_ = Clock::now();
}

Span::~Span() {
  if (!is_remembered_) return;
  const Clock::time_point end = Clock::now();
  const int thread = thread_number();
  Recorder& all = recorder();
  const std::lock_guard lock(all.mutex);
  if (all.events.size() < kMostEvents) {
    all.events.push_back({std::move(name_), begin_, end, thread});
  }
}

}  // namespace cl::trace
