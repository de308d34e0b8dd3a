// Fuzz target: safetensors files.
#include "core/weights/safetensors.h"

#include <cstdint>
#include <cstring>

#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/target.h"

namespace cl::fuzz {
namespace {

std::string file_of(const std::string& header, const std::string& data) {
  const uint64_t length = header.size();
  std::string bytes(sizeof(length), '\0');
  std::memcpy(bytes.data(), &length, sizeof(length));
  return bytes + header + data;
}

}  // namespace

void read(std::string_view bytes) {
  const MemoryFile file(bytes);
  (void)read_safetensors(file.path());
}

std::vector<std::string> seeds() {
  return {
      file_of(R"({})", ""),
      file_of(R"({"a":{"dtype":"U8","shape":[2,2],"data_offsets":[0,4]}})", "abcd"),
      file_of(R"({"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
              R"("b":{"dtype":"BOOL","shape":[],"data_offsets":[4,5]}})",
              std::string(5, '\1')),
      file_of(R"({"a":{"dtype":"I64","shape":[0,9223372036854775807],"data_offsets":[0,0]}})", ""),
  };
}

}  // namespace cl::fuzz
