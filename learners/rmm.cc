// Reversible model merging: an adapter an experience, all of them kept in a small basis.
//
// Each experience trains a LoRA of its own on the frozen network, from the same initialisation, and
// its own rows of one classifier, so nothing is ever overwritten. Averaging the low-rank factors
// would destroy them; instead every row of A and column of B is stored as a mean, p basis vectors
// shared by the experiences, and p coefficients for each of them:
//   x_i = mu + Z c_i,  Z = first p left singular vectors of [x_1 - mu ... x_n - mu],  c_i = Z^T
//   (x_i - mu)
// An experience's adapter is rebuilt when it is needed. Nothing of the merge is trained.
//
// "Reversible Model Merging For Low-rank Weights" (arXiv 2510.14163). Its text was not at hand: the
// mean follows from its count of stored numbers, and values that no source gives (p, rank, scale,
// targets, training) are our choice. core/merge/reversible.h has the details.
//
// Differs: the paper is told which experience a sample is of. Here a class is judged by the network
// of the experience that trained it last, and all classes seen compete. Where experiences have
// classes of their own, accuracy with the task known (`task_` metrics, which look at the classes of
// the sample's experience alone) is exactly the paper's oracle; without it, logits of networks that
// never met are compared. Merges to one network use that for all classes, and with the task known
// only their classifier is told. Where classes come back in another domain there is no oracle.
#include <algorithm>
#include <array>
#include <map>
#include <string>

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <c10/util/ScopeExit.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/check.h"
#include "core/features/freeze.h"
#include "core/features/frozen_tokens.h"
#include "core/learner/learner.h"
#include "core/merge/bank.h"
#include "core/nn/adapters/adapter.h"
#include "core/nn/layers.h"
#include "core/nn/threads.h"
#include "core/nn/tuners/adapter_placement.h"
#include "core/nn/tuners/tuner.h"
#include "core/train/fit.h"
#include "core/train/losses.h"

namespace cl {
namespace {

constexpr std::array<std::string_view, 2> kInits{"common", "independent"};
constexpr int64_t kNone = -1;

class Rmm final : public Learner {
 public:
  struct Options {
    int64_t rank = 16;
    double alpha = 16;
    std::vector<std::string> targets{"q", "v"};
    int64_t first_layer = 0;
    int64_t last_layer = -1;
    std::string init = "common";
    merge::BankOptions bank;
    train::Options train{.optimiser = "adam", .lr = 0.001, .weight_decay = 0};

    void fields(config::Fields& fields);
    void check(const config::Node& node) const;
    /// LoRA of another rank and scale in the same places, as the choice of a tuner.
    [[nodiscard]] config::Node tuner(int64_t lora_rank, double lora_alpha) const;
  };

  Rmm(const Options& options, LearnerParts parts);

  ParameterCount parameter_count() override {
    const int64_t added = count(bank_->read_by_revert()) + count(parameters(head_));
    return {.trainable = num_trained_, .added = added, .total = count(parameters(*this))};
  }
  int64_t kept_bytes() override { return num_bytes(parameters(*bank_)); }
  std::vector<int64_t> adapters_per_block() const override;
  void tensors(TensorVisitor& visitor) override {
    visitor.child("backbone", *backbone_);
    visitor.child("head", head_);
    visitor.child("bank", *bank_);
    visitor.buffer("owner", owner_);
    if (training_) visitor.child("training", *training_);
  }

 private:
  /// Features under one of the bank's networks, for as long as that stays as it is.
  struct Network {
    std::string digest;
    bool is_current = false;  // the bank has not changed since the digest was taken
    std::unique_ptr<FrozenTokens> cache;
  };
  /// The hooks of a network, put in place only when something is computed with them.
  class WhenNeeded final : public Hooks {
   public:
    WhenNeeded(Rmm& learner, int64_t network) : learner_(learner), network_(network) {}
    Tensor at(const SiteCall& call, Tensor out) override {
      return learner_.deploy(network_).hooks().at(call, std::move(out));
    }

   private:
    Rmm& learner_;
    int64_t network_;
  };

  void do_learn(const TrainView& view, RunContext& context) override;
  Tensor do_predict(const Samples& samples, std::span<const int64_t> rows) override;
  void do_shape_for(const State& state) override;

  [[nodiscard]] std::unique_ptr<Tuner> make_tuner(int64_t rank, double alpha, const RngKey& key) {
    return Tuners::get().make(options_.tuner(rank, alpha), {*backbone_, key, device_});
  }
  /// A fresh adapter for the experience that is learned as number `task`.
  [[nodiscard]] std::unique_ptr<Tuner> fresh_tuner(int64_t task) {
    const bool is_common = options_.init == "common";
    const RngKey key = key_.child("adapter");
    return make_tuner(options_.rank, options_.alpha,
                      is_common ? key : key.child(static_cast<uint64_t>(task)));
  }
  /// What a trained adapter changes, with its scale in A.
  [[nodiscard]] merge::Update update_of(Tuner& tuner) const;
  /// Trains adapter and classifier rows of the view's classes.
  void train(const TrainView& view, Tuner& tuner, RunContext& context);
  void log(int64_t experience, const merge::Update& trained, RunContext& context);
  /// Puts a network of the bank in place.
  Tuner& deploy(int64_t network);
  FrozenTokens& cache_of(int64_t network);
  /// To be called when the bank has changed.
  void outdate();

  Options options_;
  RngKey key_;
  c10::Device device_;
  FrozenWork work_;
  std::unique_ptr<Backbone> backbone_;
  Linear head_;
  int64_t num_trained_ = 0;
  int64_t first_block_ = 0;
  std::vector<int64_t> has_adapter_;  // [depth]
  std::unique_ptr<merge::Bank> bank_;
  Tensor owner_;  // [num_classes] int64: number of the experience that trained the class last
  FrozenTokens plain_;
  std::unique_ptr<Tuner> training_;  // the adapter of the experience that is being learned
  // Made from the bank when needed.
  std::unique_ptr<Tuner> deployed_;
  int64_t deployed_rank_ = 0, deployed_network_ = kNone;
  std::map<int64_t, Network> networks_;
};

void Rmm::Options::fields(config::Fields& fields) {
  fields.field("rank", rank, "of the LoRA of an experience", {1, 100000});
  fields.field("alpha", alpha, "the LoRA is scaled by alpha / rank");
  fields.field("targets", targets, "linear layers that it changes: q, k, v, proj, fc1, fc2");
  fields.field("first_layer", first_layer, "first adapted block, 0-based", {0, 1000});
  fields.field("last_layer", last_layer, "last adapted block; -1: the backbone's last", {-1, 1000});
  fields.field("init", init, "of the LoRA: the same in all experiences, or drawn anew", kInits);
  fields.include(bank);
  fields.group("train", train, "of a LoRA and its classes' classifier rows");
}

void Rmm::Options::check(const config::Node& node) const {
  AdapterPlacement{.first_layer = first_layer, .last_layer = last_layer}.check(node);
  if (!node.contains("targets")) return;
  Adapters::get().check(config::Node::of("lora").with("lora.targets", node.at("targets")));
  const bool has_fc2 = std::find(targets.begin(), targets.end(), "fc2") != targets.end();
  if (bank.factors == "combined" && !bank.retruncate && has_fc2 && targets.size() > 1) {
    node.at("targets").fail(
        "fc2 reads more numbers than the other layers, and merged products are as wide as what "
        "their layer reads; leave it out, or set retruncate");
  }
}

config::Node Rmm::Options::tuner(int64_t lora_rank, double lora_alpha) const {
  AdapterPlacement placement;
  placement.adapter =
      config::Node::parse(fmt::format("lora: {{rank: {}, alpha: {}, targets: [{}]}}", lora_rank,
                                      lora_alpha, fmt::join(targets, ", ")),
                          "rmm");
  placement.first_layer = first_layer;
  placement.last_layer = last_layer;
  return placement.tuner();
}

Rmm::Rmm(const Options& options, LearnerParts parts)
    : Learner(parts.stream),
      options_(options),
      key_(parts.key),
      device_(parts.device),
      work_(parts.frozen),
      backbone_(std::move(parts.backbone)),
      head_(make_linear_zero_bias(backbone_->info().dim, parts.stream.num_classes,
                                  parts.key.child("head"), parts.device)),
      owner_(at::full({parts.stream.num_classes}, kNone, at::TensorOptions(at::kLong))),
      plain_(*backbone_, parts.device, parts.frozen) {
  if (options_.rank > backbone_->info().dim) {
    throw Error(fmt::format("a LoRA of rank {} on tokens of {} numbers is not low-rank",
                            options_.rank, backbone_->info().dim));
  }
  freeze(*backbone_, work_);
  // The networks share what there is for remembered features.
  work_.memory_bytes /= std::max<int64_t>(parts.stream.num_experiences, 1);
  const std::unique_ptr<Tuner> tuner = fresh_tuner(0);
  num_trained_ = count(parameters(*tuner)) + count(parameters(head_));
  first_block_ = tuner->first_block();
  has_adapter_ = tuner->adapters_per_block();
  std::vector<merge::Size> sizes;
  for (const merge::LowRank& layer : update_of(*tuner)) {
    sizes.push_back({layer.a.size(0), layer.b.size(1)});
  }
  bank_ = merge::make_bank(options_.bank, {sizes, parts.key.child("merge"), parts.device});
}

std::vector<int64_t> Rmm::adapters_per_block() const {
  std::vector<int64_t> result;
  for (const int64_t one : has_adapter_) result.push_back(one * bank_->num_networks());
  return result;
}

// A LoRA names its factors projection by projection: a [rank, dim], then b [dim, rank].
merge::Update Rmm::update_of(Tuner& tuner) const {
  const double scale = options_.alpha / static_cast<double>(options_.rank);
  const std::vector<Tensor> factors = parameters(tuner);
  merge::Update update;
  for (size_t i = 0; i < factors.size(); i += 2) {
    update.push_back({factors[i + 1].detach().mul(scale), factors[i].detach().clone()});
  }
  return update;
}

void Rmm::do_learn(const TrainView& view, RunContext& context) {
  const int64_t task = bank_->num_tasks();
  training_ = fresh_tuner(task);
  const auto end = c10::make_scope_exit([this] { training_.reset(); });
  train(view, *training_, context);
  const GradMode no_gradients(false);
  const merge::Update update = update_of(*training_);
  if (!at::isfinite(merge::positions(update)).all().item<bool>()) {
    throw Error(
        fmt::format("experience {}: the adapter is not finite after training; a lower "
                    "learning rate may help",
                    view.index));
  }
  bank_->add(update);
  outdate();
  for (const int64_t c : view.classes) owner_[c] = task;
  log(view.index, update, context);
}

void Rmm::train(const TrainView& view, Tuner& tuner, RunContext& context) {
  const int64_t depth = backbone_->info().depth;
  const Tensor labels = view.data->labels().to(device_);
  Hooks none;
  Hooks& hooks = tuner.hooks();
  const auto loss = [&](std::span<const int64_t> rows, const View& augmented) {
    const Tensor tokens =
        first_block_ == 0 ? backbone_->embed(view.data->fetch(rows, augmented).to(device_), hooks)
                          : plain_.tokens(*view.data, rows, augmented, first_block_, none);
    const Tensor features = backbone_->pool(
        backbone_->norm(backbone_->blocks(tokens, first_block_, depth, hooks), hooks));
    return train::cross_entropy_over(view.classes, head_(features), labels, rows);
  };
  const State before = snapshot(head_);
  set_trainable(head_, true);
  train::fit({{trainable_parameters(tuner)}, {trainable_parameters(head_)}}, *view.data,
             options_.train, loss, "train", context.key.child("train"), context);
  set_trainable(head_, false);
  // Weight decay has no bounds: rows of other classes belong to other networks.
  const GradMode no_gradients(false);
  Tensor is_own = at::zeros({head_.weight.size(0)}, at::TensorOptions(at::kBool));
  for (const int64_t c : view.classes) is_own[c] = true;
  is_own = is_own.to(device_);
  for (const auto& [name, old] : before) {
    Tensor& now = name == "bias" ? head_.bias : head_.weight;
    const Tensor rows = name == "bias" ? is_own : is_own.unsqueeze(1);
    now.copy_(at::where(rows, now, old.to(device_)));
  }
}

void Rmm::log(int64_t experience, const merge::Update& trained, RunContext& context) {
  const int64_t network = bank_->network_of(bank_->num_tasks() - 1);
  const auto scalar = [&](const char* name, auto value) {
    context.log.scalar(name, experience, static_cast<double>(value));
  };
  scalar("bank_bytes", num_bytes(bank_->read_by_revert()));
  scalar("head_bytes", static_cast<int64_t>(classes_seen().size()) * (head_.weight.size(1) + 1) *
                           head_.weight.element_size());
  scalar("reconstruction_error", merge::relative_error(bank_->revert(network), trained));
  if (const auto explained = bank_->explained_variance()) scalar("explained_variance", *explained);
}

Tuner& Rmm::deploy(int64_t network) {
  if (deployed_network_ == network) return *deployed_;
  const GradMode no_gradients(false);
  const merge::Update update = bank_->revert(network);
  const int64_t rank = update.front().a.size(1);
  if (deployed_rank_ != rank) {
    deployed_ = make_tuner(rank, static_cast<double>(rank), key_);
    set_trainable(*deployed_, false);
    deployed_rank_ = rank;
  }
  std::vector<Tensor> factors = parameters(*deployed_);
  for (size_t i = 0; i < update.size(); ++i) {
    factors[2 * i].copy_(update[i].b);
    factors[2 * i + 1].copy_(update[i].a);
  }
  deployed_network_ = network;
  return *deployed_;
}

FrozenTokens& Rmm::cache_of(int64_t network) {
  Network& own = networks_[network];
  if (own.is_current) return *own.cache;
  const std::string digest = cl::digest(tensors_of(deploy(network)));
  own.is_current = true;
  if (!own.cache || own.digest != digest) {
    own.digest = digest;
    const auto name = [this, digest](int64_t) {
      return fmt::format(" with {}{}", Tuners::get().write(options_.tuner(1, 1), 0), digest);
    };
    own.cache =
        std::make_unique<FrozenTokens>(*backbone_, device_, work_, FrozenHooks{.identity = name});
  }
  return *own.cache;
}

void Rmm::outdate() {
  deployed_network_ = kNone;
  for (auto& [number, network] : networks_) network.is_current = false;
}

Tensor Rmm::do_predict(const Samples& samples, std::span<const int64_t> rows) {
  const auto num_classes = owner_.size(0);
  Tensor logits = at::zeros({static_cast<int64_t>(rows.size()), num_classes},
                            head_.weight.options().requires_grad(false));
  std::map<int64_t, Tensor> columns;  // by network: bool [num_classes]
  for (const int64_t c : classes_seen()) {
    const auto owner = owner_[c].item<int64_t>();
    if (owner == kNone) continue;  // is being learned
    const int64_t network = bank_->network_of(owner);
    Tensor& own = columns[network];
    if (!own.defined()) own = at::zeros({num_classes}, at::TensorOptions(at::kBool));
    own[c] = true;
  }
  for (const auto& [network, own] : columns) {
    WhenNeeded hooks(*this, network);
    const Tensor features = cache_of(network).features(samples, rows, View::test(), hooks);
    logits = at::where(own.to(device_), head_(features), logits);
  }
  return logits;
}

void Rmm::do_shape_for(const State& state) {
  bank_->shape_for(state, "bank.");
  deployed_network_ = kNone;
  networks_.clear();
  plain_.forget();
}

const RegisterLearner<Rmm> kRegistered{
    "rmm",
    "a LoRA an experience, all kept in a shared basis and rebuilt on demand",
    "Reversible Model Merging For Low-rank Weights (arXiv 2510.14163)",
    {.loss_classes = always(LossClasses::kExperience)}};

}  // namespace
}  // namespace cl
