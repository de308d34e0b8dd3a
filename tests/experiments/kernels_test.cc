// What a run file says of the arithmetic, and which devices are opened.
#include "experiments/kernels.h"

#include <filesystem>
#include <string>

#include <ATen/Context.h>
#include <ATen/Version.h>
#include <fmt/format.h>
#include <torch/version.h>

#include "core/base/error.h"
#include "experiments/device.h"
#include "experiments/provenance.h"
#include "tests/support/catch.h"

namespace cl::experiments {

TEST_CASE("a run file names LibTorch, the library that multiplies, and the kernels",
          "[provenance]") {
  const auto facts = provenance({.jobs = 1, .intra_op_threads = 3}, "clsim run");
  CHECK(facts.at("libtorch") == TORCH_VERSION);
  CHECK(facts.at("intra_op_threads") == "3");

  // LibTorch's own report, in which MKL is named only where it is inside.
  const std::string report = at::show_config(), blas = facts.at("blas");
  if (at::hasMKL()) {
    REQUIRE(blas.starts_with("MKL 20"));
    CHECK(report.find("Library Version " + blas.substr(4) + "-Product") != std::string::npos);
  } else {
    CHECK(report.find("Math Kernel Library") == std::string::npos);
    CHECK(std::filesystem::exists(blas.substr(0, blas.find(','))));
  }
  const std::string kernels = facts.at("kernels");
  const size_t comma = kernels.find(", LibTorch's ");
  REQUIRE(comma != std::string::npos);
  REQUIRE(kernels.starts_with("oneDNN "));
  CHECK(report.find("MKL-DNN v" + kernels.substr(7, comma - 7) + " ") != std::string::npos);
  CHECK(report.find("CPU capability usage: " + kernels.substr(comma + 13) + "\n") !=
        std::string::npos);

  const std::string key = arithmetic({.jobs = 1, .intra_op_threads = 3});
  for (const std::string& part :
       {"LibTorch " + facts.at("libtorch"), blas, kernels, std::string("3 threads")}) {
    CHECK_THAT(key, Contains(part));
  }
}

TEST_CASE("a GPU that is not there is refused with what LibTorch sees", "[device]") {
  const size_t count = at::getNumGPUs();
  const std::string beyond = fmt::format("cuda:{}", count);
  CHECK_THROWS_WITH(open_device(beyond),
                    Contains(fmt::format("device '{}' is not there: LibTorch {} sees {} GPUs: ",
                                         beyond, TORCH_VERSION, count)));
  if (!at::globalContext().hasCUDART()) {
    CHECK_THROWS_WITH(open_device(beyond),
                      Contains("built without CUDA") && Contains("CLSIM_TORCH"));
  } else if (count == 0) {  // in LibTorch's words
    CHECK_THROWS_WITH(open_device(beyond), Contains("NVIDIA") || Contains("CUDA"));
  }
  CHECK(open_device("cpu") == c10::Device(at::kCPU));
}

}  // namespace cl::experiments
