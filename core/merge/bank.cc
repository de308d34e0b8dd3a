#include "core/merge/bank.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/config/idle_option.h"
#include "core/merge/bank_kinds.h"

namespace cl::merge {
namespace {

constexpr std::array<std::string_view, 8> kMerges{"rmm",     "task_arithmetic", "ties", "dare",
                                                  "average", "truncate",        "int8", "none"};
constexpr std::array<std::string_view, 4> kModes{"offline", "refit", "frozen", "grow"};
constexpr std::array<std::string_view, 3> kGauges{"raw", "balanced", "aligned"};
constexpr std::array<std::string_view, 2> kFactors{"separate", "combined"};
constexpr std::array<std::string_view, 2> kDareMerges{"task_arithmetic", "ties"};
constexpr std::array<std::string_view, 4> kToOne{"task_arithmetic", "ties", "dare", "average"};

bool merges_to_one(const std::string& merge) {
  return std::find(kToOne.begin(), kToOne.end(), merge) != kToOne.end();
}

}  // namespace

void BankOptions::fields(config::Fields& fields) {
  fields.field("merge", merge, "how the adapters of all experiences are kept", kMerges);
  fields.field("p", p, "basis vectors at each position (grow: at least); truncate: same bytes",
               {0, 100000});
  fields.field("mode", mode, "of rmm: what a new experience does to the basis", kModes);
  fields.field("frozen_after", frozen_after,
               "of mode frozen: experiences that the basis is fitted to; 0: p + 1", {0, 100000});
  fields.field("variance", variance, "of mode grow: the basis explains this share at least",
               {0, 1});
  fields.field("gauge", gauge, "factors of an adapter: as trained, of its SVD, turned to the first",
               kGauges);
  fields.field("factors", factors, "merges to one network: of A's and B's, or of the products A B",
               kFactors);
  fields.field("retruncate", retruncate, "a merged product is brought back to the adapters' rank");
  fields.field("weight", weight, "of each experience in task_arithmetic, ties, dare", {0, 1000});
  fields.field("density", density, "share of the entries that ties and dare keep", {1e-6, 1});
  fields.field("dare_merge", dare_merge, "what dare does with what it kept; ties: nothing trimmed",
               kDareMerges);
}

void BankOptions::check(const config::Node& node) const {
  const auto refuse = [&](bool wrong, const char* key, const char* problem) {
    if (wrong) node.at_or_null(key).fail(problem);
  };
  const bool is_combined = factors == "combined";
  refuse(mode != "offline" && merge != "rmm", "mode", "only 'merge: rmm' has another mode");
  refuse(frozen_after != 0 && mode != "frozen", "frozen_after", "only 'mode: frozen' has it");
  refuse(frozen_after != 0 && frozen_after <= p, "frozen_after",
         "so few experiences span fewer than p directions; expected more than p, or 0");
  refuse(is_combined && !merges_to_one(merge), "factors",
         "products are merged by task_arithmetic, ties, dare and average only");
  refuse(retruncate && !is_combined, "retruncate", "only 'factors: combined' can need it");
  refuse(gauge != "raw" && (is_combined || (merge != "rmm" && !merges_to_one(merge))), "gauge",
         "changes nothing unless factors of several experiences are mixed");
  const BankOptions standard;
  if (merge != "rmm" && merge != "truncate") {
    config::refuse_idle(node, "p", p, standard.p, "only rmm and truncate have it");
  }
  if (mode != "grow") {
    config::refuse_idle(node, "variance", variance, standard.variance, "only 'mode: grow' has it");
  }
  if (merge != "ties" && merge != "dare") {
    config::refuse_idle(node, "density", density, standard.density, "only ties and dare have it");
  }
  if (merge != "task_arithmetic" && merge != "ties" && merge != "dare") {
    config::refuse_idle(node, "weight", weight, standard.weight,
                        "only task_arithmetic, ties and dare have it");
  }
  refuse(dare_merge != "task_arithmetic" && merge != "dare", "dare_merge",
         "only 'merge: dare' has it");
}

std::unique_ptr<Bank> make_bank(const BankOptions& options, BankParts parts) {
  if (options.merge == "rmm") return make_reversible_bank(options, std::move(parts));
  if (merges_to_one(options.merge)) return make_merged_bank(options, std::move(parts));
  if (options.merge == "int8") return make_int8_bank(std::move(parts));
  return make_adapter_bank(options, std::move(parts));
}

}  // namespace cl::merge
