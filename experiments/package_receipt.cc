#include "experiments/package_receipt.h"

#include <algorithm>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/replacement.h"
#include "core/data/content_digest.h"

namespace cl::experiments {
namespace {

namespace fs = std::filesystem;

using Json = nlohmann::ordered_json;

constexpr const char* kReceiptFile = "clsim-receipt.json";

}  // namespace

FolderContent content_of(const fs::path& folder, const std::stop_token& stop) {
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    std::string name = entry.path().lexically_relative(folder).generic_string();
    if (entry.symlink_status().type() == fs::file_type::directory || name == kReceiptFile) continue;
    names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  ContentDigest digest;
  for (const std::string& name : names) {
    if (stop.stop_requested()) throw Stopped();
    digest.add(name);
    const fs::path file = folder / name;
    if (fs::is_symlink(file)) {
      digest.add(fs::read_symlink(file).string());
    } else {
      digest.add_file(file);
    }
  }
  return {static_cast<int64_t>(names.size()), digest.hex()};
}

std::optional<PackageReceipt> read_receipt(const fs::path& folder) {
  const fs::path file = folder / kReceiptFile;
  std::error_code error;
  if (!fs::exists(file, error)) return std::nullopt;
  std::ifstream in(file, std::ios::binary);
  try {
    const Json json = Json::parse(in);
    return PackageReceipt{.package = json.at("package"),
                          .version = json.at("version"),
                          .sha256 = json.at("archive_sha256"),
                          .content = {json.at("num_files"), json.at("content_digest")}};
  } catch (const Json::exception& problem) {
    throw DamagedReceipt(
        fmt::format("{}: is no receipt of 'clsim data get': {}", file.string(), problem.what()));
  }
}

void write_receipt(const fs::path& folder, const PackageReceipt& receipt) {
  const Json json{{"package", receipt.package},
                  {"version", receipt.version},
                  {"archive_sha256", receipt.sha256},
                  {"num_files", receipt.content.num_files},
                  {"content_digest", receipt.content.digest}};
  const std::string text = json.dump(2) + "\n";
  Replacement file(folder / kReceiptFile);
  file.write(text.data(), text.size());
  file.finish();
}

}  // namespace cl::experiments
