#include "core/stream/source_choices.h"

#include <string>
#include <string_view>

#include <fmt/format.h>

#include "core/config/describe.h"
#include "core/stream/image_source.h"

namespace cl {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFile = "file";  // what a description calls the type of a path

class Collector final : public config::Fields {
 public:
  [[nodiscard]] const std::vector<config::Node>& sources() const { return sources_; }

  void field(Key, bool&, std::string_view) override {}
  void field(Key, int64_t&, std::string_view, config::Range) override {}
  void field(Key, double&, std::string_view, config::Range) override {}
  void field(Key, std::string&, std::string_view, Choices) override {}
  void field(Key, config::Path&, std::string_view) override {}
  void field(Key, std::vector<int64_t>&, std::string_view, config::Range) override {}
  void field(Key, std::vector<double>&, std::string_view, config::Range) override {}
  void field(Key, std::vector<std::string>&, std::string_view) override {}
  void plugin(Key, config::Node& value, std::string_view kind, std::string_view) override {
    if (kind == ImageSource::kKind && !value.is_null()) sources_.push_back(value);
  }
  void plugins(Key, std::vector<config::Node>& values, std::string_view kind, std::string_view,
               size_t) override {
    if (kind == ImageSource::kKind) {
      sources_.insert(sources_.end(), values.begin(), values.end());
    }
  }
  void begin(Key, std::string_view) override {}
  void end() override {}

 private:
  std::vector<config::Node> sources_;
};

/// The value at a dotted path; null where there is none.
config::Node value_at(config::Node node, std::string_view path) {
  while (true) {
    const size_t dot = path.find('.');
    node = node.at_or_null(path.substr(0, dot));
    if (dot == std::string_view::npos) return node;
    path.remove_prefix(dot + 1);
  }
}

}  // namespace

std::vector<config::Node> source_choices(const std::function<void(config::Fields&)>& visit) {
  Collector collector;
  visit(collector);
  return collector.sources();
}

config::Node seen_from(const fs::path& folder, const config::Node& source) {
  const config::Choice chosen = config::choice(source);
  config::Node result = source;
  for (const config::OptionRow& row :
       config::describe_fields(ImageSources::get().find(source).describe)) {
    if (row.type != kFile) continue;
    const config::Node given = value_at(chosen.options, row.key);
    if (!given.is_scalar()) continue;
    const fs::path path(given.scalar());
    if (path.empty() || path.is_absolute()) continue;
    const fs::path whole = fs::absolute(given.folder() / path).lexically_normal();
    const fs::path seen = whole.lexically_proximate(fs::absolute(folder / ".").lexically_normal());
    result =
        result.with(fmt::format("{}.{}", chosen.name, row.key), config::Node::of(seen.string()));
  }
  return result;
}

}  // namespace cl
