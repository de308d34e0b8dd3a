#include "core/data/fetch_ahead.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>
#include <vector>

#include <oneapi/tbb/task_group.h>

#include "core/base/trace.h"

namespace cl {
namespace {

using Clock = std::chrono::steady_clock;

// The batch that is asked for while the next one is announced, and that one.
constexpr size_t kMostOrders = 2;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

/// Rows that were announced; once started, on their way.
class FetchAhead::Order {
 public:
  Order(std::span<const int64_t> rows, const View& view)
      : rows_(rows.begin(), rows.end()), view_(view) {}
  ~Order() {
    if (is_started_) fetching_.wait();
  }
  Order(const Order&) = delete;
  Order& operator=(const Order&) = delete;

  [[nodiscard]] bool is_of(std::span<const int64_t> rows, const View& view) const {
    return view.augment == view_.augment &&
           std::equal(rows.begin(), rows.end(), rows_.begin(), rows_.end());
  }
  [[nodiscard]] bool is_started() const { return is_started_; }

  void start(const Dataset& source) {
    is_started_ = true;
    fetching_.run([this, &source] {
      const trace::Span span("fetch");
      const auto start = Clock::now();
      try {
        result_ = source.fetch(rows_, view_);
      } catch (...) {
        error_ = std::current_exception();
      }
      seconds_ = seconds_since(start);
    });
  }
  /// Waits. @throws what fetching threw
  Tensor take(FetchTime& time) {
    const auto start = Clock::now();
    fetching_.wait();
    time.waited += seconds_since(start);
    time.worked += seconds_;
    if (error_) std::rethrow_exception(error_);
    return std::move(result_);
  }

 private:
  std::vector<int64_t> rows_;
  View view_;
  bool is_started_ = false;
  tbb::task_group fetching_;
  Tensor result_;
  std::exception_ptr error_;
  double seconds_ = 0;
};

FetchAhead::FetchAhead(DatasetPtr source) : source_(std::move(source)) {}
FetchAhead::~FetchAhead() = default;

void FetchAhead::Line::give_up_oldest() {
  orders.pop_front();
  is_believed = false;
}

Tensor FetchAhead::fetch(std::span<const int64_t> rows, const View& view) const {
  const auto is_asked_for = [&](const auto& order) { return order->is_of(rows, view); };
  for (Line& line : lines_) {
    if (std::none_of(line.orders.begin(), line.orders.end(), is_asked_for)) continue;
    while (!is_asked_for(line.orders.front())) line.give_up_oldest();
    const auto order = std::move(line.orders.front());
    line.orders.pop_front();
    line.is_believed = true;
    if (order->is_started()) return order->take(time_);
    break;
  }
  const trace::Span span("fetch");
  const auto start = Clock::now();
  Tensor result = source_->fetch(rows, view);
  const double seconds = seconds_since(start);
  time_.worked += seconds;
  time_.waited += seconds;
  return result;
}

void FetchAhead::expect(std::span<const int64_t> rows, const View& view,
                        Announcer announcer) const {
  Line& line = lines_[static_cast<size_t>(announcer)];
  while (line.orders.size() >= kMostOrders) line.give_up_oldest();
  line.orders.push_back(std::make_unique<Order>(rows, view));
  if (line.is_believed) line.orders.back()->start(*source_);
}

FetchTime FetchAhead::time() const {
  return time_;
}

}  // namespace cl
