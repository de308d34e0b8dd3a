#include "analysis/reported.h"

#include <cmath>
#include <string>
#include <vector>

#include "analysis/render/csv.h"
#include "analysis/render/latex.h"
#include "analysis/render/markdown.h"
#include "analysis/table.h"
#include "core/base/error.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace cl::analysis {
namespace {

const std::string kFile = R"(
- suite: mine
  source: A paper, table 1
  metrics: [last_accuracy, added_parameters]
  rows:
    - [l2p, 62.5, 200000]
    - [{sema: {mixture: top1}}, 50 ± 0.5, ~]
    - [sema, 75, ~]
    - [{sema: {adapter: lora}}, 70, ~]
    - [aper, ~, 3000]
- suite: other
  source: Another paper
  metrics: [last_accuracy]
  rows:
    - [simplecil, 10]
)";

std::vector<ReportedTable> reported(const std::string& text = kFile) {
  const TempDir folder;
  return read_reported(folder.write("a.yaml", text));
}

std::string error(const std::string& text) {
  try {
    (void)reported(text);
  } catch (const ConfigError& thrown) {
    const std::string message = thrown.what();
    return message.substr(message.find("a.yaml"));
  }
  return "no error";
}

Method method(const std::string& learner, Options options = {}) {
  return {learner, std::move(options), {"mine"}};
}

const std::vector<const Metric*> kColumns{&find_metric("last_accuracy"),
                                          &find_metric("added_parameters")};

double last_accuracy(const ReportedNumbers::Values& values) {
  const auto place = values.find(kColumns[0]);
  return place == values.end() ? std::nan("") : place->second.mean;
}

/// One experience of 100 test samples.
RunRecord run_of(const std::string& learner, const std::string& options, double accuracy) {
  RunRecord run(1);
  run.suite = "mine";
  run.learner = learner;
  run.stream = "blobs";
  run.backbone = "tiny";
  run.id = learner;
  run.spec = "stream: blobs\nbackbone: tiny\nlearner:\n  " + learner + ": {" + options + "}\n";
  run.experiences[0].num_test = 100;
  run.accuracy.set(0, 0, accuracy);
  run.sizes = {{0, {10, 5000, 9000}, {}}};
  return run;
}

std::vector<Table> example() {
  return make_tables(
      {run_of("sema", "mixture: soft, adapter: parallel", .8), run_of("simplecil", "", .9)},
      kColumns, reported());
}

}  // namespace

TEST_CASE("reported numbers are read as they are printed", "[analysis]") {
  const auto tables = reported();
  REQUIRE(tables.size() == 2);
  CHECK(tables[0].suite == "mine");
  CHECK(tables[1].source == "Another paper");
  REQUIRE(tables[0].rows.size() == 5);
  const ReportedRow& row = tables[0].rows[1];
  CHECK(row.learner == "sema");
  CHECK(row.options == Options{{"mixture", "top1"}});
  CHECK(row.values[0].mean == .5);  // percent
  CHECK(row.values[0].deviation == .005);
  CHECK(std::isnan(row.values[1].mean));
  CHECK(tables[0].rows[0].values[1].mean == 200000);
  CHECK(std::isnan(tables[0].rows[0].values[1].deviation));
}

TEST_CASE("mistakes in a file of reported numbers are found where they are", "[analysis]") {
  const std::string head = "- suite: a\n  source: b\n  metrics: [last_accuracy]\n";
  const auto [text, message] = GENERATE_COPY(table<std::string, std::string>(
      {{"- suit: a\n", "a.yaml:1:3: 0.suit: unknown key; did you mean 'suite'?"},
       {"- suite: a\n  source: b\n", "a.yaml:1:3: 0: missing key 'metrics'"},
       {"- suite: a\n  source: b\n  metrics: [lst_accuracy]\n  rows: []\n",
        "a.yaml:3:13: 0.metrics.0: unknown metric 'lst_accuracy'; did you mean 'last_accuracy'?"},
       {head + "  rows:\n    - [l2p]\n",
        "a.yaml:5:7: 0.rows.0: expected a method and 1 numbers, one for each metric, found 1 "
        "items"},
       {head + "  rows:\n    - [l2p, 4x]\n",
        "a.yaml:5:13: 0.rows.0.1: expected a number, 'mean ± deviation' or ~, found '4x'"},
       {head + "  rows:\n    - [l2p, 4 ± ]\n", "a.yaml:5:13: 0.rows.0.1: expected a number"},
       {head + "  rows:\n    - [{l2p: {}, sema: {}}, 4]\n", "a.yaml:5:18: 0.rows.0.0"}}));
  CHECK_THAT(error(text), StartsWith(message));
}

TEST_CASE("a method gets the reported row that names most of its options", "[analysis]") {
  const auto numbers = match(
      reported(),
      {method("sema", {{"adapter.parallel.scale", "1"}, {"mixture", "soft"}}),
       method("sema", {{"adapter.parallel.scale", "1"}, {"mixture", "top1"}}),
       method("sema", {{"adapter.lora.rank", "4"}, {"mixture", "soft"}}), method("simplecil")},
      kColumns);
  CHECK(last_accuracy(numbers.of_methods[0]) == .75);
  CHECK(last_accuracy(numbers.of_methods[1]) == .5);
  CHECK(last_accuracy(numbers.of_methods[2]) == .7);
  CHECK(numbers.of_methods[3].empty());  // of another suite
  CHECK(numbers.of_others.size() == 2);
  CHECK(last_accuracy(numbers.of_others.at("l2p")) == .625);
  CHECK(numbers.of_others.at("aper").at(kColumns[1]).mean == 3000);
  CHECK(numbers.notes == std::vector<std::string>{"reported: A paper, table 1"});
}

TEST_CASE("a reported row that fits several methods stands at none", "[analysis]") {
  const auto numbers =
      match(reported(),
            {method("sema", {{"threshold", "1"}}), method("sema", {{"threshold", "2"}})}, kColumns);
  CHECK(numbers.of_methods[0].empty());
  CHECK(numbers.of_methods[1].empty());
  CHECK_FALSE(numbers.of_others.contains("sema"));
  REQUIRE(numbers.notes.size() == 2);
  CHECK(numbers.notes[1] == "what is reported of 'sema' fits several rows and stands at none");
}

TEST_CASE("reported numbers stand beside ours, and alone where nothing was run", "[analysis]") {
  CHECK(render_markdown(example()) ==
        "### blobs, tiny\n"
        "\n"
        "| Method              | Last acc. (%) ↑ |     reported | Added params | reported |   n |\n"
        "|---------------------|----------------:|-------------:|-------------:|---------:|----:|\n"
        "| simplecil           |       **90.00** |            – |        5,000 |        – |   1 |\n"
        "| sema                |    <u>80.00</u> |        75.00 |        5,000 |        – |   1 |\n"
        "| aper                |               – |            – |            – |    3,000 |   0 |\n"
        "| l2p                 |               – |        62.50 |            – |  200,000 |   0 |\n"
        "| sema (adapter=lora) |               – |        70.00 |            – |        – |   0 |\n"
        "| sema (mixture=top1) |               – | 50.00 ± 0.50 |            – |        – |   0 |\n"
        "\n"
        "- reported: A paper, table 1\n");
  const std::string latex = render_latex(example());
  CHECK_THAT(latex, Contains("Method & Last acc. (\\%) $\\uparrow$ & reported & Added params & "
                             "reported & $n$ \\\\"));
  CHECK_THAT(latex, Contains("sema & \\underline{80.00} & 75.00 & 5,000 & -- & 1 \\\\"));
  CHECK_THAT(latex, Contains("sema (mixture=top1) & -- & 50.00 $\\pm$ 0.50 & -- & -- & 0 \\\\"));
  const std::string csv = render_csv(example());
  CHECK_THAT(csv, Contains("\"blobs, tiny\",sema,last_accuracy,0.8,,1,sema\n"
                           "\"blobs, tiny\",sema,reported_last_accuracy,0.75,,0,\n"));
  CHECK_THAT(csv, Contains("l2p,reported_added_parameters,200000,,0,\n"));
}

TEST_CASE("columns of which nothing is reported stay alone", "[analysis]") {
  const auto tables =
      make_tables({run_of("sema", "", .8)}, {&find_metric("total_parameters")}, reported());
  CHECK(tables[0].columns.size() == 1);
  CHECK(tables[0].rows.size() == 1);
  CHECK(tables[0].notes.empty());
}

}  // namespace cl::analysis
