// One visit over an options struct, from which come reading, defaults, ranges, documentation and
// the run id.
#pragma once

#include <cmath>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/config/node.h"

namespace cl::config {

/// A file named in a configuration: what was written, and the folder it is relative to.
/// Only the text belongs to the run's identity, so that a suite can move with its files.
struct Path {
  std::string text;  // empty: no file
  std::filesystem::path folder;

  [[nodiscard]] bool empty() const { return text.empty(); }
  /// The file itself: `text` if absolute, else below `folder`.
  [[nodiscard]] std::filesystem::path resolve() const;
};

/// Allowed values of a number, both ends included.
struct Range {
  double min = -HUGE_VAL;
  double max = HUGE_VAL;
};

/// Visitor over the fields of an options struct, in member order. Implementations: reader, writer,
/// describer. Every `doc` is a few words with the unit.
class Fields {
 public:
  using Key = std::string_view;
  using Choices = std::span<const std::string_view>;

  virtual ~Fields() = default;
  virtual void field(Key key, bool& value, std::string_view doc) = 0;
  virtual void field(Key key, int64_t& value, std::string_view doc, Range range = {}) = 0;
  virtual void field(Key key, double& value, std::string_view doc, Range range = {}) = 0;
  virtual void field(Key key, std::string& value, std::string_view doc, Choices choices = {}) = 0;
  virtual void field(Key key, Path& value, std::string_view doc) = 0;
  virtual void field(Key key, std::vector<int64_t>& value, std::string_view doc,
                     Range range = {}) = 0;
  virtual void field(Key key, std::vector<double>& value, std::string_view doc,
                     Range range = {}) = 0;
  virtual void field(Key key, std::vector<std::string>& value, std::string_view doc) = 0;
  /// A nested plug-in of registry `kind` ("adapter", "source", ...). `value` holds the default
  /// choice before the visit; it is checked against that registry, options included. A null default
  /// makes the key required.
  virtual void plugin(Key key, Node& value, std::string_view kind, std::string_view doc) = 0;
  /// A list of plug-ins of one registry, each checked like a single one. A default shorter than
  /// `at_least` makes the key required.
  virtual void plugins(Key key, std::vector<Node>& values, std::string_view kind,
                       std::string_view doc, size_t at_least = 0) = 0;

  virtual void begin(Key key, std::string_view doc) = 0;
  virtual void end() = 0;
  /// What holds across the fields of the level that is open: the reader calls it with the level's
  /// node when all of them are read, the others do not.
  virtual void rule(const std::function<void(const Node& level)>& /*check*/) {}

  /// A nested options struct, with its own rules if it has any: `void check(const Node&) const`, or
  /// `void check(const Node&, const T& standard) const`, which is given the values before the
  /// visit.
  template <class T>
  void group(Key key, T& options, std::string_view doc) {
    begin(key, doc);
    include(options);
    end();
  }
  /// The fields and rules of a struct among those of the level that is open.
  template <class T>
  void include(T& options) {
    if constexpr (requires(const Node& node) { options.check(node, options); }) {
      static_assert(
          !requires(const Node& node) { options.check(node); }, "one check a struct");
      T standard = options;
      options.fields(*this);
      rule([&options, standard = std::move(standard)](const Node& level) {
        options.check(level, standard);
      });
    } else {
      options.fields(*this);
      if constexpr (requires(const Node& node) { options.check(node); }) {
        rule([&options](const Node& level) { options.check(level); });
      }
    }
  }
};

template <class T>
concept OptionsStruct = std::default_initializable<T> && requires(T options, Fields& fields) {
  options.fields(fields);
};

}  // namespace cl::config
