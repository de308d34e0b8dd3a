#include "core/config/registry.h"

#include <algorithm>
#include <mutex>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/check.h"

namespace cl {
namespace {

struct Enlisted {
  std::mutex mutex;  // a registry without plug-ins is first asked for, and so built, only after
                     // main() has begun
  std::vector<const Catalogue*> catalogues;
};

// Built by the first catalogue, hence before it and destroyed after it, whatever the order of the
// files.
Enlisted& enlisted() {
  static Enlisted instance;
  return instance;
}

}  // namespace

Catalogue::Catalogue(std::string kind) : kind_(std::move(kind)) {
  Enlisted& list = enlisted();
  const std::lock_guard lock(list.mutex);
  for (const Catalogue* other : list.catalogues) {
    CL_CHECK(other->kind_ != kind_, "a second registry of kind '{}'", kind_);
  }
  list.catalogues.push_back(this);
}

Catalogue::~Catalogue() {
  Enlisted& list = enlisted();
  const std::lock_guard lock(list.mutex);
  std::erase(list.catalogues, this);
}

const PluginInfo& Catalogue::find(const config::Node& node) const {
  const config::Choice choice = config::choice(node);
  std::vector<std::string> names;
  for (const PluginInfo* plugin : plugins()) {
    if (plugin->name == choice.name) return *plugin;
    names.push_back(plugin->name);
  }
  throw ConfigError(choice.where, node.path(),
                    fmt::format("unknown {} '{}'{}", kind_, choice.name,
                                config::did_you_mean(choice.name, names)));
}

void Catalogue::check(const config::Node& node) const {
  find(node).check(config::choice(node).options);
}

std::string Catalogue::write(const config::Node& node, int indent) const {
  const PluginInfo& plugin = find(node);
  const std::string options = plugin.write(config::choice(node).options, indent + config::kIndent);
  return fmt::format("{:{}}{}:{}\n{}", "", indent, plugin.name, options.empty() ? " {}" : "",
                     options);
}

const Catalogue& Catalogue::of(std::string_view kind) {
  std::vector<std::string> kinds;
  for (const Catalogue* catalogue : all()) {
    if (catalogue->kind_ == kind) return *catalogue;
    kinds.push_back(catalogue->kind_);
  }
  throw InternalError(
      fmt::format("no registry of kind '{}'; known: {}", kind, fmt::join(kinds, ", ")));
}

std::vector<const Catalogue*> Catalogue::all() {
  std::vector<const Catalogue*> result;
  {
    Enlisted& list = enlisted();
    const std::lock_guard lock(list.mutex);
    result = list.catalogues;
  }
  std::sort(result.begin(), result.end(),
            [](const Catalogue* a, const Catalogue* b) { return a->kind_ < b->kind_; });
  return result;
}

namespace internal {

void duplicate_plugin(std::string_view kind, std::string_view name) {
  throw InternalError(fmt::format("two plug-ins of kind '{}' are named '{}'", kind, name));
}

}  // namespace internal
}  // namespace cl
