// What is wrong with a JSON text, and where.
#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace cl {

struct JsonMistake {
  std::string path;  // "experiences[2].train.rows"; empty: the whole, or where nobody knows
  std::string problem;
  bool is_json = false;  // but not to be taken; otherwise it is none
};

/// The first mistake of `text`, if there is one: it is no JSON, a number in it is beyond double
/// precision, an object has a key twice, of which the library would let one win without a word, or
/// it is nested more than a hundred levels deep: the library copies earlier values of an ordered
/// object that grows, by recursion.
/// Where there is none, `nlohmann::json::parse` throws nothing.
/// @param most_keys  of one object: an ordered one looks through all of them for each
///
/// Pitfall: its `parse` with a callback, which could look at keys, goes through all earlier entries
/// of an object whenever a structured one ends.
[[nodiscard]] std::optional<JsonMistake> find_json_mistake(
    std::string_view text, size_t most_keys = std::numeric_limits<size_t>::max());

}  // namespace cl
