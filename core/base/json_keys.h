// JSON whose objects have each key once: the parser would let one of two win without a word.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace cl {

/// For the callback of `Json::parse`.
/// @tparam Json     nlohmann::json or ordered_json
/// @param repeated  called with a key that stands twice in one object; throws
template <class Json>
[[nodiscard]] typename Json::parser_callback_t refuse_repeated_keys(
    std::function<void(const std::string& key)> repeated) {
  return [repeated = std::move(repeated), open = std::vector<std::set<std::string>>()](
             int, typename Json::parse_event_t event, Json& parsed) mutable {
    if (event == Json::parse_event_t::object_start) open.emplace_back();
    if (event == Json::parse_event_t::object_end) open.pop_back();
    if (event == Json::parse_event_t::key) {
      const auto key = parsed.template get<std::string>();
      if (!open.back().insert(key).second) repeated(key);
    }
    return true;
  };
}

}  // namespace cl
