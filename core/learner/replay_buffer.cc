#include "core/learner/replay_buffer.h"

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <utility>

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "core/base/check.h"
#include "core/data/row_index.h"

namespace cl {
namespace {

Tensor places_of_floats(int64_t capacity, const std::vector<int64_t>& shape) {
  std::vector<int64_t> sizes{capacity};
  sizes.insert(sizes.end(), shape.begin(), shape.end());
  return at::zeros(sizes, at::TensorOptions(at::kFloat));
}

}  // namespace

ReplayBuffer::ReplayBuffer(int64_t capacity, const std::vector<int64_t>& sample_shape,
                           int64_t num_logits)
    : x_(places_of_floats(capacity, sample_shape)),
      labels_(at::zeros({capacity}, at::TensorOptions(at::kLong))),
      logits_(num_logits == 0 ? Tensor() : places_of_floats(capacity, {num_logits})),
      size_(at::zeros({}, at::TensorOptions(at::kLong))) {}

int64_t ReplayBuffer::bytes() const {
  const auto used = [&](const Tensor& tensor) {
    return static_cast<int64_t>(tensor.narrow(0, 0, size()).nbytes());
  };
  return used(x_) + used(labels_) + (logits_.defined() ? used(logits_) : 0);
}

std::vector<int64_t> ReplayBuffer::labels() const {
  const auto* first = labels_.data_ptr<int64_t>();
  return {first, first + size()};
}

ReplayBuffer::Batch ReplayBuffer::at(std::span<const int64_t> places, c10::Device device,
                                     const std::optional<Anew>& anew) const {
  const Tensor index = row_index(places, at::kCPU);
  const auto pick = [&](const Tensor& tensor) { return tensor.index_select(0, index); };
  const Tensor x = anew && !places.empty() ? anew->data.augmented(pick(x_), anew->key) : pick(x_);
  return {x.to(device), pick(labels_).to(device),
          logits_.defined() ? pick(logits_).to(device) : Tensor()};
}

ReplayBuffer::Batch ReplayBuffer::draw(int64_t count, const RngKey& key, c10::Device device,
                                       const std::optional<Anew>& anew) const {
  const auto order = permutation(key, size());
  return at(std::span(order).first(static_cast<size_t>(std::min(count, size()))), device, anew);
}

void ReplayBuffer::put(std::span<const int64_t> places, const Batch& batch) {
  if (places.empty()) return;
  const int64_t last = *std::max_element(places.begin(), places.end());
  const auto beyond =
      std::count_if(places.begin(), places.end(), [&](int64_t place) { return place >= size(); });
  CL_CHECK(last < capacity() && last < size() + beyond, "place {} of {}, {} in use", last,
           capacity(), size());
  const Tensor index = row_index(places, at::kCPU);
  x_.index_copy_(0, index, batch.x.to(at::kCPU));
  labels_.index_copy_(0, index, batch.labels.to(at::kCPU));
  if (logits_.defined()) logits_.index_copy_(0, index, batch.logits.to(at::kCPU));
  size_.fill_(std::max(size(), last + 1));
}

void ReplayBuffer::keep(std::span<const int64_t> places) {
  constexpr int64_t kColumns = 1024;  // numbers of each sample that move at a time
  const Tensor index = row_index(places, at::kCPU);
  for (const Tensor& tensor : {x_, labels_, logits_}) {
    if (!tensor.defined() || tensor.numel() == 0) continue;
    const Tensor flat = tensor.view({capacity(), -1});
    for (int64_t first = 0; first < flat.size(1); first += kColumns) {
      const Tensor columns = flat.narrow(1, first, std::min(kColumns, flat.size(1) - first));
      columns.narrow(0, 0, index.size(0)).copy_(columns.index_select(0, index));
    }
  }
  size_.fill_(index.size(0));
}

void ReplayBuffer::tensors(TensorVisitor& visitor) {
  visitor.buffer("x", x_);
  visitor.buffer("labels", labels_);
  visitor.buffer("logits", logits_);
  visitor.buffer("size", size_);
}

Reservoir::Reservoir(ReplayBuffer buffer, const RngKey& key)
    : buffer_(std::move(buffer)),
      key_(key),
      num_offered_(at::zeros({}, at::TensorOptions(at::kLong))) {}

void Reservoir::offer(const Dataset& data, std::span<const int64_t> rows, const Tensor& logits) {
  std::map<int64_t, size_t> accepted;  // place: which of `rows`, the later one where two meet
  auto offered = num_offered_.item<int64_t>();
  for (size_t i = 0; i < rows.size(); ++i, ++offered) {
    int64_t place = offered;
    if (offered >= buffer_.capacity()) {
      auto engine = key_.child(static_cast<uint64_t>(offered)).engine();
      place = uniform_index(engine, offered + 1);
    }
    if (place < buffer_.capacity()) accepted[place] = i;
  }
  num_offered_.fill_(offered);

  std::vector<int64_t> places, accepted_rows, of_batch;
  for (const auto& [place, i] : accepted) {
    places.push_back(place);
    accepted_rows.push_back(rows[i]);
    of_batch.push_back(static_cast<int64_t>(i));
  }
  if (places.empty()) return;
  const Tensor kept = logits.defined()
                          ? logits.detach().index_select(0, row_index(of_batch, logits.device()))
                          : Tensor();
  buffer_.put(places, {data.fetch(accepted_rows, View::test()),
                       data.labels().index_select(0, row_index(accepted_rows, at::kCPU)), kept});
}

void Reservoir::tensors(TensorVisitor& visitor) {
  buffer_.tensors(visitor);
  visitor.buffer("num_offered", num_offered_);
}

std::optional<int64_t> balanced_place(const std::vector<int64_t>& labels, int64_t label,
                                      int64_t capacity, const RngKey& key) {
  std::map<int64_t, int64_t> counts;
  for (const int64_t other : labels) ++counts[other];
  const bool is_new = !counts.contains(label);
  const int64_t own = counts[label], num_classes = static_cast<int64_t>(counts.size());
  if (!is_new && own * num_classes >= capacity) return std::nullopt;
  const auto size = static_cast<int64_t>(labels.size());
  if (size < capacity) return size;

  const int64_t largest =
      std::max_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) {
        return a.second < b.second;
      })->first;
  auto engine = key.engine();
  int64_t skipped = uniform_index(engine, counts.at(largest));
  int64_t place = 0;
  while (labels[static_cast<size_t>(place)] != largest || skipped-- > 0) ++place;
  return place;
}

std::vector<int64_t> herd(const Tensor& features, int64_t count) {
  const Tensor points = features.to(at::kCPU, at::kDouble);
  const Tensor mean = points.mean(0);
  Tensor sum = at::zeros_like(mean);
  Tensor taken = at::zeros({points.size(0)}, points.options());  // infinity for those that are
  std::vector<int64_t> chosen;
  while (static_cast<int64_t>(chosen.size()) < std::min(count, points.size(0))) {
    const auto k = static_cast<double>(chosen.size() + 1);
    const Tensor distances = points.add(sum).div(k).sub(mean).square().sum(1).add(taken);
    const auto next = distances.argmin().item<int64_t>();
    sum = sum.add(points[next]);
    taken[next] = std::numeric_limits<double>::infinity();
    chosen.push_back(next);
  }
  return chosen;
}

}  // namespace cl
