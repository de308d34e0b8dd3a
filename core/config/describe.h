// Options struct -> a table of its options for people.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/config/fields.h"

namespace cl::config {

/// One option as documentation shows it.
struct OptionRow {
  std::string key;    // dotted within groups
  std::string type;   // "number", "integer", "yes/no", "text", "file", "list of integers", "one of
                      // a, b", "adapter"
  std::string range;  // "[0, 1]", ">= 1", or empty
  std::string value;  // the default as YAML
  std::string doc;
};

std::vector<OptionRow> describe_fields(const std::function<void(Fields&)>& visit);

/// The rows as a Markdown table with aligned columns.
std::string to_markdown(const std::vector<OptionRow>& rows);

}  // namespace cl::config
