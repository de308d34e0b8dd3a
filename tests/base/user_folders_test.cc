#include "core/base/user_folders.h"

#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

#include <pwd.h>

#include "tests/support/catch.h"
#include "tests/support/other_user.h"

namespace cl {
namespace {

namespace fs = std::filesystem;

/// An environment variable that has another value, or none, for as long as this lives.
class Variable {
 public:
  Variable(std::string name, const char* value) : name_(std::move(name)) {
    if (const char* earlier = std::getenv(name_.c_str())) earlier_ = earlier;
    set(value);
  }
  ~Variable() { set(earlier_ ? earlier_->c_str() : nullptr); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  void set(const char* value) {
    if (value == nullptr) {
      unsetenv(name_.c_str());
    } else {
      setenv(name_.c_str(), value, 1);
    }
  }

  std::string name_;
  std::optional<std::string> earlier_;
};

}  // namespace

TEST_CASE("folders go by what is given, then ours, then the user's", "[base]") {
  const Variable data("CLSIM_DATA", nullptr), cache("CLSIM_CACHE", nullptr);
  const Variable shared_data("XDG_DATA_HOME", nullptr), shared_cache("XDG_CACHE_HOME", nullptr);
  const Variable home("HOME", "/home/u");
  CHECK(data_root("") == "/home/u/.local/share/clsim");
  CHECK(cache_root("") == fs::path("/home/u/.cache/clsim"));
  {
    const Variable xdg_data("XDG_DATA_HOME", "/d"), xdg_cache("XDG_CACHE_HOME", "/c");
    CHECK(data_root("") == "/d/clsim");
    CHECK(cache_root("") == fs::path("/c/clsim"));
  }
  const Variable own_data("CLSIM_DATA", "ours"), own_cache("CLSIM_CACHE", "kept");
  CHECK(data_root("") == "ours");
  CHECK(cache_root("") == fs::path("kept"));
  CHECK(data_root("given") == "given");
  CHECK(cache_root("given") == fs::path("given"));
}

TEST_CASE("nothing is put into the current folder for want of HOME", "[base]") {
  const Variable data("CLSIM_DATA", nullptr), cache("CLSIM_CACHE", nullptr);
  const Variable shared_data("XDG_DATA_HOME", "share"), shared_cache("XDG_CACHE_HOME", "cache");
  const char* useless = GENERATE(static_cast<const char*>(nullptr), "", ".");
  const Variable home("HOME", useless);
  const passwd* entry = getpwuid(getuid());
  if (entry != nullptr) {  // the system's list of users knows the home
    CHECK(data_root("") == fs::path(entry->pw_dir) / ".local/share/clsim");
    CHECK(cache_root("") == fs::path(entry->pw_dir) / ".cache/clsim");
  }
  constexpr uid_t kNobodyKnown = 2'000'000'017;
  if (getuid() != 0 || getpwuid(kNobodyKnown) != nullptr) return;
  CHECK(holds_for(kNobodyKnown, [] {
    return data_root("") == "/usr/local/share/clsim" && !cache_root("").has_value();
  }));
}

}  // namespace cl
