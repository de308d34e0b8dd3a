// Single values as YAML text: what counts as a number, a yes/no or a text, and how each is written.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/fields.h"

namespace cl::config {

// Reading. All throw ConfigError at the node, saying what was expected and what was found.

/// `true`, `yes`, `false` or `no`.
bool read_bool(const Node& node);
/// Whole decimal text within 64 bits.
int64_t read_integer(const Node& node, Range range = {});
/// Decimal text, `inf` or `.inf`; never not-a-number.
double read_number(const Node& node, Range range = {});
/// Any scalar; one of `choices` if there are any.
std::string read_text(const Node& node, Fields::Choices choices = {});

// Writing, such that reading gives the same value.

/// The shortest text that reads back as `value`, which is not NaN.
std::string write_number(double value);
/// `text` as it is, or in double quotes where YAML would take it for something else.
std::string write_text(std::string_view text);
/// `[0.1, inf]` or `[a, "b: c"]`, each item written as above.
std::string write_numbers(const std::vector<double>& values);
std::string write_texts(const std::vector<std::string>& texts);
/// "[0, 1]", ">= 1", "<= 5", or empty for no limit.
std::string write_range(Range range);
/// Any value on one line: `{sema: {bottleneck: 8, layers: [1, 2]}}`; `null` for a null.
std::string write_flow(const Node& node);

}  // namespace cl::config
