#include "core/base/json_mistake.h"

#include <cstddef>
#include <cstdint>
#include <unordered_set>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace cl {
namespace {

using Json = nlohmann::json;

constexpr size_t kMostDepth = 100;

/// Looks at each value as it comes and keeps none.
class Witness final : public nlohmann::json_sax<Json> {
 public:
  explicit Witness(size_t most_keys) : most_keys_(most_keys) {}

  [[nodiscard]] std::optional<JsonMistake> mistake() && { return std::move(mistake_); }

  bool null() override { return passed(); }
  bool boolean(bool) override { return passed(); }
  bool number_integer(int64_t) override { return passed(); }
  bool number_unsigned(uint64_t) override { return passed(); }
  bool number_float(double, const std::string&) override { return passed(); }
  bool string(std::string&) override { return passed(); }
  bool binary(Json::binary_t&) override { return passed(); }

  bool start_object(size_t) override { return enter({}); }
  bool key(std::string& name) override {
    Open& object = open_.back();
    object.key = name;
    const bool is_new = object.keys.insert(name).second;
    if (is_new && object.keys.size() <= most_keys_) return true;
    open_.pop_back();
    mistake_ = {path(),
                is_new ? fmt::format("an object of more than {} keys", most_keys_)
                       : fmt::format("the key '{}' stands twice in one object", name),
                true};
    return false;
  }
  bool end_object() override {
    open_.pop_back();
    return passed();
  }
  bool start_array(size_t) override {
    return enter({.is_list = true, .index = 0, .key = {}, .keys = {}});
  }
  bool end_array() override { return end_object(); }

  bool parse_error(size_t, const std::string& last, const Json::exception& error) override {
    constexpr int kOutOfRange = 406;
    if (error.id == kOutOfRange) {
      mistake_ = {path(), fmt::format("expected a number within double precision, found {}", last),
                  true};
      return false;
    }
    const std::string_view what = error.what();
    const size_t end = what.find("] ");  // of the library's own number
    mistake_ = {"", std::string(end == std::string_view::npos ? what : what.substr(end + 2)),
                false};
    return false;
  }

 private:
  struct Open {
    bool is_list = false;
    size_t index = 0;  // of the value that comes next
    std::string key;
    std::unordered_set<std::string> keys;
  };

  bool enter(Open open) {
    if (open_.size() < kMostDepth) {
      open_.push_back(std::move(open));
      return true;
    }
    mistake_ = {path(), fmt::format("nested more than {} levels deep", kMostDepth), true};
    return false;
  }

  bool passed() {
    if (!open_.empty()) ++open_.back().index;
    return true;
  }

  [[nodiscard]] std::string path() const {
    std::string result;
    for (const Open& open : open_) {
      if (open.is_list) {
        result += fmt::format("[{}]", open.index);
      } else {
        result += (result.empty() ? "" : ".") + open.key;
      }
    }
    return result;
  }

  size_t most_keys_;
  std::vector<Open> open_;
  std::optional<JsonMistake> mistake_;
};

}  // namespace

std::optional<JsonMistake> find_json_mistake(std::string_view text, size_t most_keys) {
  Witness witness(most_keys);
  (void)Json::sax_parse(text.begin(), text.end(), &witness);
  return std::move(witness).mistake();
}

}  // namespace cl
