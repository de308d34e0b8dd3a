#include "experiments/pretrain/pretraining.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

#include <ATen/TensorOperators.h>
#include <ATen/ops/mse_loss.h>
#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/replacement.h"
#include "core/config/write.h"
#include "core/nn/backbone.h"
#include "core/nn/layers.h"
#include "core/nn/precision.h"
#include "core/nn/threads.h"
#include "core/stream/stream.h"
#include "core/train/muon.h"
#include "core/train/optimiser.h"
#include "core/weights/finite.h"
#include "core/weights/safetensors.h"
#include "experiments/pretrain/descriptor.h"
#include "experiments/pretrain/network.h"
#include "experiments/pretrain/saved_training.h"

namespace cl::experiments {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr int64_t kStepsPerReport = 100;
constexpr auto kTimeBetweenSaves = std::chrono::minutes(3);

constexpr int64_t kScaleSample = 20000;  // images that decide how targets are scaled
constexpr int64_t kMeasured = 1000;      // images that decide the length of tokens

Tensor sample_of(const Dataset& images, int64_t size) {
  std::vector<int64_t> rows(static_cast<size_t>(std::min(size, images.size())));
  std::iota(rows.begin(), rows.end(), 0);
  return images.fetch(rows, View::test());
}

struct Losses {
  Tensor image, mean, patch;
};

/// Descriptors of a first sample of images decide how targets are scaled.
struct Targets {
  Whitening image;
  Standardisation patch;

  static Targets fit(const Dataset& images, const PretrainOptions& options) {
    const GradMode no_gradients(false);
    const Descriptors sample = descriptors_of(sample_of(images, kScaleSample));
    return {Whitening(sample.image, options.components, options.whitening),
            Standardisation(sample.patches)};
  }
};

bool is_block_matrix(const std::string& name, const Tensor& parameter) {
  return name.starts_with("backbone.blocks.") && parameter.dim() == 2;
}

class Pretraining {
 public:
  Pretraining(const PretrainOptions& options, const PretrainPlace& place)
      : options_(options),
        place_(place),
        key_(static_cast<uint64_t>(options.seed)),
        stream_(Streams::get().make(options.stream,
                                    {.key = key_.child("stream"), .data_root = place.data_root})),
        images_(stream_->experience(0).train),
        backbone_(new_backbone(options, key_)),
        targets_(Targets::fit(*images_, options)),
        image_head_(make_linear_zero_bias(backbone_->info().dim, options.components,
                                          key_.child("image_head"), c10::kCPU)),
        mean_head_(make_linear_zero_bias(backbone_->info().dim, options.components,
                                         key_.child("mean_head"), c10::kCPU)),
        patch_head_(make_linear_zero_bias(backbone_->info().dim, kPatchDescriptor,
                                          key_.child("patch_head"), c10::kCPU)) {
    set_trainable(*this, true);
    TensorVisitor visitor([&](const std::string& name, Tensor& tensor, TensorVisitor::Role role) {
      if (role != TensorVisitor::Role::kParameter) return;
      if (is_block_matrix(name, tensor)) {
        matrices_.push_back(tensor);
      } else {
        // Vectors in whatever form (norms, biases, class token, positions) do not decay.
        const bool is_matrix = tensor.dim() >= 2 && tensor.size(0) != 1;
        (is_matrix ? decaying_ : plain_).push_back(tensor);
      }
    });
    tensors(visitor);
    train::Options adam;
    adam.optimiser = "adamw";
    adam.weight_decay = options.weight_decay;
    adam.beta2 = 0.99;  // runs are short: a few thousand steps
    adam_ = train::make_optimiser(
        {{.parameters = decaying_}, {.parameters = plain_, .weight_decay_scale = 0}}, adam);
    muon_ = std::make_unique<train::Muon>(
        matrices_, train::Muon::Options{.weight_decay = options.weight_decay});
    resume();
  }

  void tensors(TensorVisitor& visitor) {
    visitor.child("backbone", *backbone_);
    visitor.child("image_head", image_head_);
    visitor.child("mean_head", mean_head_);
    visitor.child("patch_head", patch_head_);
  }

  bool run() {
    auto saved = Clock::now();
    while (step_ < num_steps()) {
      if (place_.stop.stop_requested()) {
        save_state();
        return false;
      }
      train_step();
      if (step_ % kStepsPerReport == 0) report();
      if (Clock::now() - saved > kTimeBetweenSaves) {
        save_state();
        saved = Clock::now();
      }
    }
    save_weights();
    fs::remove(state_file());
    return true;
  }

 private:
  int64_t num_steps() const { return options_.num_images / options_.batch_size; }

  /// Linear rise, then half a cosine down to a hundredth.
  double schedule() const {
    const double seen = static_cast<double>((step_ + 1) * options_.batch_size);
    const double rise = options_.warm_up_images > 0
                            ? std::min(1.0, seen / static_cast<double>(options_.warm_up_images))
                            : 1.0;
    const double part = static_cast<double>(step_) / static_cast<double>(num_steps());
    return rise * (0.01 + 0.99 * (1 + std::cos(std::numbers::pi * part)) / 2);
  }

  Losses losses(const Tensor& x) {
    Descriptors wanted;
    {
      const GradMode no_gradients(false);
      wanted = descriptors_of(x);
      wanted.image = targets_.image(wanted.image);
      wanted.patches = targets_.patch(wanted.patches);
    }
    Hooks no_hooks;
    Tensor tokens;
    {
      const Tensor entering = backbone_->embed(x);
      const Bfloat16Scope lower_precision(options_.precision == "bf16");
      tokens = backbone_->norm(backbone_->blocks(entering, 0, backbone_->info().depth, no_hooks));
    }
    tokens = tokens.to(at::kFloat);
    const int64_t special = backbone_->info().num_special_tokens;
    const Tensor patches = tokens.slice(1, special);
    return {at::mse_loss(image_head_(backbone_->pool(tokens)), wanted.image),
            at::mse_loss(mean_head_(patches.mean(1)), wanted.image),
            at::mse_loss(patch_head_(patches), wanted.patches)};
  }

  void train_step() {
    std::vector<int64_t> rows(static_cast<size_t>(options_.batch_size));
    std::iota(rows.begin(), rows.end(), (step_ * options_.batch_size) % images_->size());
    for (int64_t& row : rows) row %= images_->size();
    const View view = View::train(key_.child("view").child(static_cast<uint64_t>(step_)));
    const Losses losses_now = losses(images_->fetch(rows, view));
    const Tensor loss = losses_now.image + options_.mean_weight * losses_now.mean +
                        options_.patch_weight * losses_now.patch;
    if (!std::isfinite(loss.item<double>())) {
      throw Error(
          fmt::format("pre-training '{}': the loss is not finite after {} images; a smaller "
                      "lr or muon_lr may help",
                      options_.name, step_ * options_.batch_size));
    }
    adam_->clear_gradients();
    for (const Tensor& matrix : matrices_) matrix.mutable_grad() = Tensor();
    loss.backward();
    clip_gradients();
    const double scale = schedule();
    adam_->set_learning_rate(options_.lr * scale);
    adam_->step();
    muon_->step(options_.muon_lr * scale);
    image_loss_ += losses_now.image.item<double>();
    patch_loss_ += losses_now.patch.item<double>();
    ++step_;
  }

  void clip_gradients() {
    const GradMode no_gradients(false);
    std::vector<Tensor> gradients;
    for (const auto* group : {&matrices_, &decaying_, &plain_}) {
      for (const Tensor& parameter : *group) {
        if (parameter.grad().defined()) gradients.push_back(parameter.grad());
      }
    }
    double squares = 0;
    for (const Tensor& gradient : gradients) squares += gradient.pow(2).sum().item<double>();
    const double norm = std::sqrt(squares);
    if (norm <= options_.max_gradient_norm) return;
    for (Tensor& gradient : gradients) gradient.mul_(options_.max_gradient_norm / norm);
  }

  void report() {
    const double seconds = std::chrono::duration<double>(Clock::now() - reported_).count();
    const auto steps = static_cast<double>(kStepsPerReport);
    place_.report(
        {.images = step_ * options_.batch_size,
         .num_images = num_steps() * options_.batch_size,
         .image_loss = image_loss_ / steps,
         .patch_loss = patch_loss_ / steps,
         .images_per_second = steps * static_cast<double>(options_.batch_size) / seconds});
    last_image_loss_ = image_loss_ / steps;
    last_patch_loss_ = patch_loss_ / steps;
    image_loss_ = patch_loss_ = 0;
    reported_ = Clock::now();
  }

  fs::path state_file() const { return options_.save.resolve().string() + ".part"; }
  std::string identity() const { return config::write(options_); }
  double seconds() const {
    return earlier_seconds_ + std::chrono::duration<double>(Clock::now() - started_).count();
  }

  void save_state() {
    SavedTraining saved{.options = identity(),
                        .step = step_,
                        .seconds = seconds(),
                        .image_loss_sum = image_loss_,
                        .patch_loss_sum = patch_loss_,
                        .model = snapshot(*this),
                        .muon = muon_->save(),
                        .adam = adam_->save()};
    write_saved_training(state_file(), saved);
  }

  void resume() {
    if (!fs::exists(state_file())) return;
    const SavedTraining saved = read_saved_training(state_file());
    if (!are_those(options_, saved.options)) {
      throw Error(
          fmt::format("'{}' holds the state of a pre-training with other options; finish it "
                      "with those, or delete the file to begin anew",
                      state_file().string()));
    }
    step_ = saved.step;
    earlier_seconds_ = saved.seconds;
    image_loss_ = saved.image_loss_sum;
    patch_loss_ = saved.patch_loss_sum;
    require_finite(saved.model, state_file().string());
    require_finite(saved.muon, state_file().string());
    load(*this, saved.model, state_file().string());
    muon_->load(saved.muon);
    adam_->load(saved.adam);
  }

  void save_weights() {
    normalise_stream(*backbone_, sample_of(*images_, kMeasured));
    State weights;
    for (auto& [name, tensor] : snapshot(*backbone_))
      weights.emplace_back(name, tensor.to(at::kHalf));
    const fs::path file = followed(options_.save.resolve());
    require_finite(weights, file.string() + ", not written, in half precision");
    if (file.has_parent_path()) fs::create_directories(file.parent_path());
    write_safetensors(file, weights,
                      {{"name", options_.name},
                       {"options", identity()},
                       {"images", std::to_string(num_steps() * options_.batch_size)},
                       {"steps", std::to_string(num_steps())},
                       {"seconds", fmt::format("{:.0f}", seconds())},
                       {"image_loss", fmt::format("{:.4f}", last_image_loss_)},
                       {"patch_loss", fmt::format("{:.4f}", last_patch_loss_)}});
  }

  const PretrainOptions& options_;
  const PretrainPlace& place_;
  RngKey key_;
  std::unique_ptr<Stream> stream_;
  DatasetPtr images_;
  std::unique_ptr<Backbone> backbone_;
  Targets targets_;
  Linear image_head_, mean_head_, patch_head_;
  std::vector<Tensor> matrices_, decaying_, plain_;
  std::unique_ptr<train::Optimiser> adam_;
  std::unique_ptr<train::Muon> muon_;
  int64_t step_ = 0;
  double image_loss_ = 0, patch_loss_ = 0, last_image_loss_ = 0, last_patch_loss_ = 0;
  double earlier_seconds_ = 0;
  Clock::time_point started_ = Clock::now(), reported_ = Clock::now();
};

}  // namespace

bool pretrain(const PretrainOptions& options, const PretrainPlace& place) {
  const fs::path file = options.save.resolve();
  if (fs::exists(file)) {
    const auto metadata = read_safetensors(file).metadata;
    const auto trained_with = metadata.find("options");
    if (trained_with != metadata.end() && are_those(options, trained_with->second)) return true;
    throw Error(fmt::format(
        "'{}' holds other weights; choose another 'save', or move that file away", file.string()));
  }
  if (file.has_parent_path()) fs::create_directories(file.parent_path());
  require_writable(file);
  return Pretraining(options, place).run();
}

}  // namespace cl::experiments
