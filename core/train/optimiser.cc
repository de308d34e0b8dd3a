#include "core/train/optimiser.h"

#include <sstream>
#include <utility>

#include <fmt/format.h>
#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>
#include <torch/optim/sgd.h>
#include <torch/serialize/archive.h>

#include "core/base/check.h"
#include "core/base/error.h"

namespace cl::train {
namespace {

class TorchOptimiser final : public Optimiser {
 public:
  TorchOptimiser(std::unique_ptr<torch::optim::Optimizer> optimiser, std::vector<double> lr_scales)
      : optimiser_(std::move(optimiser)), lr_scales_(std::move(lr_scales)) {}

  void set_learning_rate(double lr) override {
    auto& groups = optimiser_->param_groups();
    for (size_t i = 0; i < groups.size(); ++i) groups[i].options().set_lr(lr * lr_scales_[i]);
  }

  void clear_gradients() override {
    for (auto& group : optimiser_->param_groups()) {
      for (auto& parameter : group.params()) parameter.mutable_grad() = at::Tensor();
    }
  }

  void step() override { optimiser_->step(); }

  std::string save() const override {
    torch::serialize::OutputArchive archive;
    optimiser_->save(archive);
    std::ostringstream out;
    archive.save_to(out);
    return out.str();
  }

  void load(const std::string& state) override {
    std::istringstream in(state);
    try {
      torch::serialize::InputArchive archive;
      archive.load_from(in);
      optimiser_->load(archive);
    } catch (const c10::Error& error) {
      throw Error(
          fmt::format("state of an optimiser does not fit: {}", error.what_without_backtrace()));
    }
  }

 private:
  std::unique_ptr<torch::optim::Optimizer> optimiser_;
  std::vector<double> lr_scales_;
};

template <class Torch, class TorchOptions>
std::unique_ptr<torch::optim::Optimizer> make(const std::vector<ParameterGroup>& groups,
                                              const TorchOptions& options) {
  std::vector<torch::optim::OptimizerParamGroup> torch_groups;
  for (const ParameterGroup& group : groups) {
    auto own = std::make_unique<TorchOptions>(options);
    own->weight_decay(options.weight_decay() * group.weight_decay_scale);
    torch_groups.emplace_back(group.parameters, std::move(own));
  }
  return std::make_unique<Torch>(std::move(torch_groups), options);
}

std::unique_ptr<torch::optim::Optimizer> make(const std::vector<ParameterGroup>& groups,
                                              const Options& options) {
  using namespace torch::optim;
  if (options.optimiser == "sgd") {
    return make<SGD>(
        groups,
        SGDOptions(options.lr).momentum(options.momentum).weight_decay(options.weight_decay));
  }
  if (options.optimiser == "adam") {
    return make<Adam>(groups, AdamOptions(options.lr)
                                  .betas({options.momentum, options.beta2})
                                  .eps(options.epsilon)
                                  .weight_decay(options.weight_decay));
  }
  CL_CHECK(options.optimiser == "adamw", "optimiser '{}'", options.optimiser);
  return make<AdamW>(groups, AdamWOptions(options.lr)
                                 .betas({options.momentum, options.beta2})
                                 .eps(options.epsilon)
                                 .weight_decay(options.weight_decay));
}

}  // namespace

std::unique_ptr<Optimiser> make_optimiser(const std::vector<ParameterGroup>& groups,
                                          const Options& options) {
  std::vector<double> lr_scales;
  for (const ParameterGroup& group : groups) {
    lr_scales.push_back(group.lr_scale);
    for (const at::Tensor& parameter : group.parameters) {
      CL_CHECK(parameter.requires_grad(), "a frozen parameter was given to the optimiser");
    }
  }
  return std::make_unique<TorchOptimiser>(make(groups, options), std::move(lr_scales));
}

}  // namespace cl::train
