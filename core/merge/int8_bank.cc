// Bank: every adapter for itself in int8. A row is one of the r components of a factor, of A^T or
// of B, in one layer: few scales, so a quarter of the bytes of float32.
#include <utility>

#include <ATen/ops/cat.h>

#include "core/merge/bank_kinds.h"
#include "core/merge/int8.h"

namespace cl::merge {
namespace {

class Int8Bank final : public Bank {
 public:
  explicit Int8Bank(BankParts parts) : parts_(std::move(parts)) {}

  void add(const Update& update) override;
  [[nodiscard]] int64_t num_tasks() const override {
    return adapters_.codes.defined() ? adapters_.codes.size(0) : 0;
  }
  [[nodiscard]] int64_t num_networks() const override { return num_tasks(); }
  [[nodiscard]] Update revert(int64_t network) const override;
  [[nodiscard]] std::vector<Tensor> read_by_revert() const override {
    if (num_tasks() == 0) return {};
    return {adapters_.codes, adapters_.scales};
  }
  void tensors(TensorVisitor& visitor) override { adapters_.tensors(visitor); }
  void shape_for(const State& state, std::string_view prefix) override {
    adapters_ = {room_for(state, prefix, "codes", parts_.device),
                 room_for(state, prefix, "scales", parts_.device)};
  }

 private:
  BankParts parts_;
  Int8 adapters_;  // codes [n, r, P] in the order of positions; scales [n, r, 2 layers]
};

void Int8Bank::add(const Update& update) {
  std::vector<Tensor> codes, scales;  // [r, m], [r, d], ...
  for (const LowRank& layer : update) {
    for (const Tensor& factor : {layer.a.t(), layer.b}) {
      const Int8 rows = to_int8(factor);
      codes.push_back(rows.codes);
      scales.push_back(rows.scales);
    }
  }
  adapters_ = {with_slice(adapters_.codes, at::cat(codes, 1)),
               with_slice(adapters_.scales, at::cat(scales, 1))};
}

Update Int8Bank::revert(int64_t network) const {
  const Tensor codes = adapters_.codes[network], scales = adapters_.scales[network];
  Update update;
  int64_t place = 0, factor = 0;
  const auto next = [&](int64_t width) {
    const Tensor rows =
        from_int8({codes.narrow(1, place, width), scales.narrow(1, factor++, 1)});  // [r, width]
    place += width;
    return rows;
  };
  for (const Size& size : parts_.sizes) {
    const Tensor a = next(size.rows).t().contiguous();
    update.push_back({a, next(size.columns)});
  }
  return update;
}

}  // namespace

std::unique_ptr<Bank> make_int8_bank(BankParts parts) {
  return std::make_unique<Int8Bank>(std::move(parts));
}

}  // namespace cl::merge
