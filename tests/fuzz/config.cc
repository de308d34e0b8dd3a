// Fuzz target: configurations, read into real options with a choice of plug-ins and written again.
#include "core/base/check.h"
#include "core/config/read.h"
#include "core/config/write.h"
#include "core/stream/class_order.h"
#include "core/stream/image_source.h"
#include "core/stream/sample_choice.h"
#include "tests/fuzz/target.h"

namespace cl::fuzz {
namespace {

/// Much of what the stream `split_images` takes.
struct Options {
  config::Node source = config::Node::of("idx");
  std::vector<config::Node> more_sources;
  ClassIncrements increments;
  ClassOrder order;
  SampleChoice samples;
  config::Path file;

  void fields(config::Fields& fields) {
    fields.plugin("source", source, ImageSource::kKind, "a choice");
    fields.plugins("more_sources", more_sources, ImageSource::kKind, "choices");
    fields.include(increments);
    fields.include(order);
    fields.group("samples", samples, "a group");
    fields.field("file", file, "a path");
  }
};

/// Every value below `node` can be reached and shown.
void walk(const config::Node& node) {
  (void)node.found();
  if (node.is_sequence()) {
    for (const config::Node& item : node.items()) walk(item);
  }
  if (!node.is_map()) return;
  for (const auto& [key, where, value] : node.entries()) {
    CL_CHECK(node.at(key).path() == value.path(), "'{}'", key);
    walk(value);
  }
}

}  // namespace

void read(std::string_view bytes) {
  const config::Node node = config::Node::parse(bytes, "fuzz.yaml");
  walk(node);
  const std::string written = config::write(config::read<Options>(node));
  const auto again = config::read<Options>(config::Node::parse(written, "written.yaml"));
  CL_CHECK(config::write(again) == written, "{}", written);
}

std::vector<std::string> seeds() {
  return {
      "",
      "source: fashion_mnist\nincrement: 5\n",
      "{source: {idx: {class_names: [a, 'b c', \"d\\n\"], folder: x}}, init_classes: 2}\n",
      "class_order: explicit\norder: [1, 0, 2]\nsamples: {evaluate_on: validation}\n",
      "more_sources:\n  - idx\n  - fashion_mnist: {folder: ~}\norder_seed: +7\n",
      "samples:\n  validation_fraction: 1e-2\nfile: |\n  a\n  b\n",
      "a: &x 1\nb: *x\n<<: {c: !t 1}\n--- # more\n",
  };
}

}  // namespace cl::fuzz
