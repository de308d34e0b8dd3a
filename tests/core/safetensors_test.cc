#include "core/weights/safetensors.h"

#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>

#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/zeros.h>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "tests/support/catch.h"
#include "tests/support/failing_writes.h"
#include "tests/support/temp_dir.h"

namespace cl {
namespace {

std::string file_bytes(uint64_t header_length, const std::string& header, const std::string& data) {
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &header_length, 8);
  return bytes + header + data;
}

/// A file with an honest header length.
std::string file_bytes(const std::string& header, const std::string& data) {
  return file_bytes(header.size(), header, data);
}

std::string slurp(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// A tensor entry "a" of two F32 with the given fields replaced.
std::string entry(const std::string& type = R"("F32")", const std::string& shape = "[2]",
                  const std::string& offsets = "[0,8]") {
  return R"({"a":{"dtype":)" + type + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets +
         "}}";
}

}  // namespace

TEST_CASE("safetensors keep every type, shape, value and the metadata", "[weights]") {
  const TempDir dir;
  const auto type = GENERATE(at::kDouble, at::kFloat, at::kHalf, at::kBFloat16, at::kLong, at::kInt,
                             at::kChar, at::kByte, at::kBool);
  const Tensor values = at::arange(6, at::TensorOptions(at::kLong)).view({2, 3}).to(type);
  const State state{{"matrix", values},
                    {"scalar", values.select(0, 1).select(0, 2).clone()},
                    {"empty", values.narrow(0, 0, 0).clone()},
                    {"transposed", values.t()}};
  write_safetensors(dir / "x.safetensors", state, {{"made by", "a test"}});
  const SafetensorsFile file = read_safetensors(dir / "x.safetensors");

  REQUIRE(file.tensors.size() == 4);
  for (const auto& [name, tensor] : state) {
    INFO(name);
    const Tensor* read = find(file.tensors, name);
    REQUIRE(read != nullptr);
    CHECK(read->scalar_type() == type);
    CHECK(read->sizes() == tensor.sizes());
    CHECK(at::equal(*read, tensor));
  }
  CHECK(file.metadata == std::map<std::string, std::string>{{"made by", "a test"}});
}

TEST_CASE("a written header is padded to 8 bytes and its data aligned to its types", "[weights]") {
  const TempDir dir;
  // In this order the F64 would start at byte 2 + 4 = 6.
  write_safetensors(dir / "x", {{"h", at::zeros({1}, at::kHalf)},
                                {"f", at::zeros({1}, at::kFloat)},
                                {"d", at::zeros({1}, at::kDouble)}});
  const std::string bytes = slurp(dir / "x");
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  CHECK(length % 8 == 0);
  CHECK(bytes.size() == 8 + length + 8 + 4 + 2);
  const auto header = nlohmann::json::parse(bytes.substr(8, length));
  CHECK(header.at("d").at("data_offsets") == nlohmann::json({0, 8}));
  CHECK(header.at("f").at("data_offsets") == nlohmann::json({8, 12}));
  CHECK(header.at("h").at("data_offsets") == nlohmann::json({12, 14}));
}

TEST_CASE("writing replaces a file and leaves nothing beside it", "[weights]") {
  const TempDir dir;
  dir.write("x", "old");
  write_safetensors(dir / "x", {{"a", at::zeros({2}, at::kFloat)}});
  CHECK(read_safetensors(dir / "x").tensors.size() == 1);
  CHECK(std::distance(std::filesystem::directory_iterator(dir.path()), {}) == 1);
}

TEST_CASE("a failed write leaves the old file and nothing beside it", "[weights]") {
  const TempDir dir;
  dir.write("x", "old");
  const Tensor a = at::zeros({2}, at::kFloat);
  CHECK_THROWS_WITH(write_safetensors(dir / "x", {{"a", a}, {"a", a}}), Contains("'a' is taken"));
  CHECK_THROWS_WITH(write_safetensors(dir / "x", {{"a", at::zeros({2}, at::kShort)}}),
                    Contains("tensor 'a': type 'Short' cannot be written"));
  CHECK_THROWS_WITH(write_safetensors(dir / "x", {{"\xff", a}}), Contains("no UTF-8 text"));
  CHECK_THROWS_AS(write_safetensors(dir / "none" / "x", {{"a", a}}), Error);
  CHECK(slurp(dir / "x") == "old");
  CHECK(std::distance(std::filesystem::directory_iterator(dir.path()), {}) == 1);
}

TEST_CASE("a state without tensors makes a readable file", "[weights]") {
  const TempDir dir;
  write_safetensors(dir / "x", {});
  CHECK(read_safetensors(dir / "x").tensors.empty());
}

TEST_CASE("every truncation of a safetensors file is an error that names it", "[weights]") {
  const TempDir dir;
  const std::string whole = file_bytes(entry(), std::string(8, '\1'));
  dir.write("whole", whole);
  REQUIRE(read_safetensors(dir / "whole").tensors.size() == 1);
  for (size_t size = 0; size < whole.size(); ++size) {
    dir.write("cut", whole.substr(0, size));
    INFO(size << " of " << whole.size() << " bytes");
    CHECK_THROWS_WITH(read_safetensors(dir / "cut"), Contains((dir / "cut").string()));
  }
}

TEST_CASE("a safetensors file that is missing or no file is an error", "[weights]") {
  const TempDir dir;
  CHECK_THROWS_WITH(read_safetensors(dir / "none"), Contains("cannot open the file"));
  CHECK_THROWS_WITH(read_safetensors(dir.path()), Contains("not a regular file"));
}

TEST_CASE("a header length beyond the file is an error", "[weights]") {
  const TempDir dir;
  const auto length =
      GENERATE(uint64_t{200}, uint64_t{100'000'001}, std::numeric_limits<uint64_t>::max(),
               std::numeric_limits<uint64_t>::max() - 7);
  dir.write("x", file_bytes(length, entry(), std::string(8, '\1')));
  CHECK_THROWS_WITH(read_safetensors(dir / "x"), Contains("the header claims"));
}

TEST_CASE("a lying safetensors header is an error that names file and tensor", "[weights]") {
  struct Case {
    std::string header, message;
  };
  const auto c = GENERATE(values<Case>({
      {entry(R"("F32")", "[3]"), "8 bytes of data do not fit type 'F32' and shape [3]"},
      {entry(R"("F64")"), "do not fit"},
      {entry(R"("I16")"), "type 'I16' is not supported, expected one of F64, F32"},
      {entry("32"), "no 'dtype'"},
      {entry(R"("F32")", "[-2]"), "whole numbers"},
      {entry(R"("F32")", "[2.0]"), "whole numbers"},
      {entry(R"("F32")", "[1e400]"), "a.shape[0]: expected a number within double precision"},
      {entry(R"("F32")", "2"), "'shape' is no list"},
      // 2^62 * 4 elements wrap to 0 in 64 bits, and 2^62 * 4 bytes do too.
      {entry(R"("F32")", "[4611686018427387904,4]"), "do not fit"},
      {entry(R"("F32")", "[4611686018427387904]", "[0,0]"), "do not fit"},
      {entry(R"("F32")", "[18446744073709551615]"), "whole numbers"},
      {entry(R"("F32")", "[2]", "[8,0]"), "not within the 8 bytes"},
      {entry(R"("F32")", "[2]", "[0,9]"), "not within the 8 bytes"},
      {entry(R"("F32")", "[2]", "[4,12]"), "not within the 8 bytes"},
      {entry(R"("F32")", "[2]", "[9223372036854775800,9223372036854775807]"), "not within"},
      {entry(R"("F32")", "[2]", "[0]"), "must be [begin, end]"},
      {entry(R"("F32")", "[1]", "[4,8]"), "starts at byte 4"},
      {R"({"a":1})", "tensor 'a': the header's entry is no object"},
  }));
  const TempDir dir;
  dir.write("x", file_bytes(c.header, std::string(8, '\1')));
  INFO(c.header);
  CHECK_THROWS_WITH(read_safetensors(dir / "x"),
                    Contains(c.message) && Contains((dir / "x").string()));
}

TEST_CASE("malformed safetensors headers are errors", "[weights]") {
  const TempDir dir;
  const std::string half = R"({"dtype":"F32","shape":[1],"data_offsets":[0,4]})";
  const auto message_of = [&](const std::string& header) {
    dir.write("x", file_bytes(header, std::string(8, '\1')));
    try {
      read_safetensors(dir / "x");
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  CHECK_THAT(message_of("{"), Contains("the header is no JSON"));
  CHECK_THAT(message_of("[]"), Contains("no JSON object"));
  CHECK_THAT(message_of("{\"\xff\":1}"), Contains("the header is no JSON"));
  CHECK_THAT(message_of(std::string(100'000, '[')), Contains("nested more than 100 levels deep"));
  CHECK_THAT(message_of("{\"a\":" + half + ",\"a\":" + half + "}"),
             Contains("the key 'a' stands twice"));
  // Both claim the first four bytes; then nobody claims the last four.
  CHECK_THAT(message_of("{\"a\":" + half + ",\"b\":" + half + "}"),
             Contains("tensor 'b': its data starts at byte 0"));
  CHECK_THAT(message_of("{\"a\":" + half + "}"), Contains("cover 4 of 8 bytes"));
  CHECK_THAT(message_of(R"({"__metadata__":{"x":1}})"), Contains("'x' in the metadata is no text"));
  CHECK_THAT(message_of(R"({"__metadata__":[]})"), Contains("is no object"));
}

TEST_CASE("a hundred thousand tensors are read and told from those of a model", "[weights]") {
  constexpr int kTensors = 100'000;
  std::string header = "{", data;
  for (int i = 0; i < kTensors; ++i) {
    header += (i == 0 ? "" : ",");
    header += "\"t" + std::to_string(i) + R"(":{"dtype":"U8","shape":[1],"data_offsets":[)" +
              std::to_string(i) + "," + std::to_string(i + 1) + "]}";
    data += static_cast<char>(i % 100);
  }
  const TempDir dir;
  dir.write("x", file_bytes(header + "}", data));
  const SafetensorsFile file = read_safetensors(dir / "x");
  REQUIRE(file.tensors.size() == kTensors);
  CHECK(file.tensors.back().first == "t99999");
  CHECK(file.tensors.back().second.item<int>() == 99);
  struct {
    Tensor own = at::zeros({1}, at::kFloat);
    void tensors(TensorVisitor& visitor) { visitor.parameter("own", own); }
  } model;
  CHECK_THROWS_WITH(load(model, file.tensors, "a file"),
                    Contains("1 missing: 'own'; 100000 unexpected: 't0'"));
  dir.write("x", file_bytes(header + R"(,"t77777":{}})", data));
  CHECK_THROWS_WITH(read_safetensors(dir / "x"), Contains("the key 't77777' stands twice"));
}

TEST_CASE("a BOOL that is neither 0 nor 1 is an error", "[weights]") {
  const TempDir dir;
  dir.write("x", file_bytes(entry(R"("BOOL")", "[2]", "[0,2]"), "\1\2"));
  CHECK_THROWS_WITH(read_safetensors(dir / "x"), Contains("tensor 'a': a BOOL is neither"));
}

TEST_CASE("a safetensors file whose writing fails for a moment is whole or not there",
          "[weights]") {
  const TempDir dir;
  const State state{{"a", at::arange(6, at::TensorOptions(at::kFloat))},
                    {"b", at::arange(3, at::TensorOptions(at::kLong))}};
  write_safetensors(dir / "meant", state, {{"key", "value"}});
  const WriteFault fault = GENERATE(WriteFault::kFull, WriteFault::kZeros);
  int64_t refused = 0;
  for (int64_t after = 0;; ++after) {
    CAPTURE(after);
    std::string problem;
    bool has_happened = false;
    {
      const FailingWrite failing(after, fault);
      try {
        write_safetensors(dir / "a", state, {{"key", "value"}});
      } catch (const Error& error) {
        problem = error.what();
      }
      has_happened = failing.has_happened();
    }
    if (!has_happened) break;
    if (problem.empty()) {
      CHECK((slurp(dir / "a") == slurp(dir / "meant")));
      std::filesystem::remove(dir / "a");
      continue;
    }
    ++refused;
    CHECK_THAT(problem,
               Contains(fault == WriteFault::kFull ? "No space left on device"
                                                   : "holds other bytes than were written"));
    CHECK(std::distance(std::filesystem::directory_iterator(dir.path()), {}) == 1);
  }
  CHECK(refused >= 4);  // length, header and two tensors
}

}  // namespace cl
