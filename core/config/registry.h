// Plug-ins by name: each kind has one registry, filled before main() by the plug-ins' own files.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/config/read.h"
#include "core/config/write.h"

namespace cl {

/// What is known of a plug-in without building it.
struct PluginInfo {
  std::string name;
  std::string summary;                            // a few words
  std::string source;                             // paper (authors, year, section) or "baseline"
  std::function<void(config::Fields&)> describe;  // visits a default Options
  std::function<void(const config::Node&)>
      check;  // reads the options, builds nothing; throws ConfigError
  std::function<std::string(const config::Node&, int)>
      write;  // the options with all defaults, at that indent
  /// The shape of one sample given or taken under these options (checked before). Empty where the
  /// plug-in's Options have no `sample_shape()`: it is known only from what was built.
  std::function<std::vector<int64_t>(const config::Node&)> sample_shape;
};

/// The part of a registry that needs no knowledge of its kind; `Registry<Base>` adds the making.
class Catalogue {
 public:
  explicit Catalogue(std::string kind);  // enlists itself under its kind
  Catalogue(const Catalogue&) = delete;
  Catalogue& operator=(const Catalogue&) = delete;
  virtual ~Catalogue();

  [[nodiscard]] const std::string& kind() const { return kind_; }
  [[nodiscard]] virtual std::vector<const PluginInfo*> plugins() const = 0;  // sorted by name

  /// The plug-in that `node` (`name` or `name: {options}`) chooses. @throws ConfigError with the
  /// near names
  [[nodiscard]] const PluginInfo& find(const config::Node& node) const;
  /// Checks name and options, builds nothing.
  void check(const config::Node& node) const;
  /// Canonical YAML of a choice, all defaults shown, as the lines of a map value at `indent`.
  [[nodiscard]] std::string write(const config::Node& node, int indent) const;

  /// The registry of `kind`; @throws InternalError if there is none.
  static const Catalogue& of(std::string_view kind);
  /// All registries, sorted by kind.
  static std::vector<const Catalogue*> all();

 private:
  std::string kind_;
};

/// The plug-ins of one kind. `Base` declares `kKind` (its name in YAML and messages), `Traits`
/// (known before anything is built) and `Parts` (what a plug-in is built from). Filled during
/// static initialisation, read-only afterwards, hence shared across threads.
template <class Base>
class Registry final : public Catalogue {
 public:
  using Parts = typename Base::Parts;
  using Traits = typename Base::Traits;
  struct Entry : PluginInfo {
    Traits traits;
    std::function<std::unique_ptr<Base>(const config::Node&, Parts)> make;  // from the options node
  };

  static Registry& get() {
    static Registry registry;
    return registry;
  }

  /// @throws InternalError on a duplicate name
  void add(Entry entry);
  [[nodiscard]] const std::vector<std::unique_ptr<Entry>>& entries() const { return entries_; }
  [[nodiscard]] std::vector<const PluginInfo*> plugins() const override;
  [[nodiscard]] const Entry& entry(const config::Node& choice) const {
    return static_cast<const Entry&>(find(choice));
  }
  [[nodiscard]] std::unique_ptr<Base> make(const config::Node& choice, Parts parts) const {
    return entry(choice).make(config::choice(choice).options, std::move(parts));
  }

 private:
  Registry() : Catalogue(std::string(Base::kKind)) {}

  std::vector<std::unique_ptr<Entry>> entries_;  // sorted by name
};

/// Registers `T`, which has `struct Options` and a constructor `T(Options, Base::Parts)`, when
/// constructed at namespace scope in the plug-in's file: `const Register<Learner, Sema>
/// kRegistered{"sema", "...", "..."};`
template <class Base, class T>
struct Register {
  Register(std::string_view name, std::string_view summary, std::string_view source,
           typename Base::Traits traits = {});
};

// ---- templates ----

namespace internal {
[[noreturn]] void duplicate_plugin(std::string_view kind, std::string_view name);
}

template <class Base>
void Registry<Base>::add(Entry entry) {
  auto place = entries_.begin();
  while (place != entries_.end() && (*place)->name < entry.name) ++place;
  if (place != entries_.end() && (*place)->name == entry.name)
    internal::duplicate_plugin(kind(), entry.name);
  entries_.insert(place, std::make_unique<Entry>(std::move(entry)));
}

template <class Base>
std::vector<const PluginInfo*> Registry<Base>::plugins() const {
  std::vector<const PluginInfo*> result;
  for (const auto& entry : entries_) result.push_back(entry.get());
  return result;
}

template <class Base, class T>
Register<Base, T>::Register(std::string_view name, std::string_view summary,
                            std::string_view source, typename Base::Traits traits) {
  typename Registry<Base>::Entry entry;
  entry.name = name;
  entry.summary = summary;
  entry.source = source;
  entry.describe = [](config::Fields& fields) { typename T::Options{}.fields(fields); };
  entry.check = [](const config::Node& node) { (void)config::read<typename T::Options>(node); };
  entry.write = [](const config::Node& node, int indent) {
    return config::write(config::read<typename T::Options>(node), indent);
  };
  if constexpr (requires(const typename T::Options& options) { options.sample_shape(); }) {
    entry.sample_shape = [](const config::Node& node) {
      return config::read<typename T::Options>(node).sample_shape();
    };
  }
  entry.traits = std::move(traits);
  entry.make = [](const config::Node& node, typename Base::Parts parts) -> std::unique_ptr<Base> {
    return std::make_unique<T>(config::read<typename T::Options>(node), std::move(parts));
  };
  Registry<Base>::get().add(std::move(entry));
}

}  // namespace cl
