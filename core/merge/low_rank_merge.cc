#include "core/merge/low_rank_merge.h"

namespace cl::merge {

LowRank merge_factors(const std::vector<LowRank>& tasks, const Rule& rule, const RngKey& key) {
  std::vector<Tensor> a, b;
  for (const LowRank& task : tasks) {
    a.push_back(task.a);
    b.push_back(task.b);
  }
  return {rule(a, key.child("a")), rule(b, key.child("b"))};
}

Tensor merge_products(const std::vector<LowRank>& tasks, const Rule& rule, const RngKey& key) {
  std::vector<Tensor> products;
  for (const LowRank& task : tasks) products.push_back(product(task));
  return rule(products, key.child("product"));
}

}  // namespace cl::merge
