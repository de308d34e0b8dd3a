#include "core/config/write.h"

#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/check.h"
#include "core/base/sha256.h"
#include "core/config/registry.h"
#include "core/config/scalar.h"

namespace cl::config {
namespace {

class Writer final : public Fields {
 public:
  explicit Writer(int indent) : indent_(indent) {}

  [[nodiscard]] const std::string& text() const { return text_; }

  void field(Key key, bool& value, std::string_view) override {
    line(key, value ? "true" : "false");
  }
  void field(Key key, int64_t& value, std::string_view, Range) override {
    line(key, std::to_string(value));
  }
  void field(Key key, double& value, std::string_view, Range) override {
    line(key, write_number(value));
  }
  void field(Key key, std::string& value, std::string_view, Choices) override {
    line(key, write_text(value));
  }
  void field(Key key, Path& value, std::string_view) override { line(key, write_text(value.text)); }
  void field(Key key, std::vector<int64_t>& value, std::string_view, Range) override {
    line(key, fmt::format("[{}]", fmt::join(value, ", ")));
  }
  void field(Key key, std::vector<double>& value, std::string_view, Range) override {
    line(key, write_numbers(value));
  }
  void field(Key key, std::vector<std::string>& value, std::string_view) override {
    line(key, write_texts(value));
  }

  void plugin(Key key, Node& value, std::string_view kind, std::string_view) override {
    CL_CHECK(!value.is_null(), "'{}' is required and was not chosen", key);
    text_ += fmt::format("{:{}}{}:\n", "", indent_, key);
    text_ += Catalogue::of(kind).write(value, indent_ + kIndent);
  }

  void plugins(Key key, std::vector<Node>& values, std::string_view kind, std::string_view,
               size_t) override {
    text_ += fmt::format("{:{}}{}:{}\n", "", indent_, key, values.empty() ? " []" : "");
    for (const Node& value : values) {
      std::string item = Catalogue::of(kind).write(value, indent_ + 2 * kIndent);
      item[static_cast<size_t>(indent_ + kIndent)] = '-';
      text_ += item;
    }
  }

  void begin(Key key, std::string_view) override {
    text_ += fmt::format("{:{}}{}:", "", indent_, key);
    headings_.push_back(text_.size());
    text_ += '\n';
    indent_ += kIndent;
  }
  void end() override {
    CL_CHECK(!headings_.empty(), "end without begin");
    const bool empty = text_.size() == headings_.back() + 1;
    if (empty) text_.insert(headings_.back(), " {}");  // a bare key would be a null
    headings_.pop_back();
    indent_ -= kIndent;
  }

 private:
  void line(Key key, std::string_view value) {
    text_ += fmt::format("{:{}}{}: {}\n", "", indent_, key, value);
  }

  std::string text_;
  std::vector<size_t> headings_;  // where the heading of each open group ends
  int indent_;
};

}  // namespace

std::string write_fields(const std::function<void(Fields&)>& visit, int indent) {
  Writer writer(indent);
  visit(writer);
  return writer.text();
}

std::string digest(const std::string& canonical) {
  Sha256 hash;
  hash.add(canonical.data(), canonical.size());
  return hash.hex();
}

}  // namespace cl::config
