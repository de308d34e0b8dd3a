#include "analysis/table.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "analysis/number_text.h"
#include "analysis/render/csv.h"
#include "analysis/render/latex.h"
#include "analysis/render/markdown.h"
#include "core/metrics/zero_loss.h"
#include "tests/support/catch.h"

namespace cl::analysis {
namespace {

/// A run of two experiences of 100 test samples each with R = [[first, -], [old, recent]].
RunRecord run_of(const std::string& learner, const std::string& options, int64_t seed, double first,
                 double old, double recent) {
  RunRecord run(2);
  run.learner = learner;
  run.stream = "blobs";
  run.backbone = "tiny";
  run.stream_seed = run.model_seed = seed;
  run.id = learner + options + std::to_string(seed);
  run.spec = "stream:\n  blobs:\n    experiences: 2\nbackbone: tiny\nlearner:\n  " + learner +
             ": {" + options + "}\nseeds:\n  stream: " + std::to_string(seed) +
             "\n  model: " + std::to_string(seed) + "\n";
  for (ExperienceFacts& experience : run.experiences) experience.num_test = 100;
  if (!std::isnan(first)) run.accuracy.set(0, 0, first);
  run.accuracy.set(1, 0, old);
  run.accuracy.set(1, 1, recent);
  run.sizes = {{0, {10, 5000, 9000}, {1, 1}}, {1, {10, 6000, 10000}, {1, 2}}};
  return run;
}

constexpr double kNever = std::numeric_limits<double>::quiet_NaN();

/// Last accuracies: good .8 and .9, tied .85 and .85 (the same mean), poor .5; forgetting good .1
/// and .1, tied 0, poor .5.
std::vector<RunRecord> example() {
  return {run_of("good", "", 1, .9, .8, .8),    run_of("good", "", 2, 1., .9, .9),
          run_of("tied", "", 1, .85, .85, .85), run_of("tied", "", 2, .85, .85, .85),
          run_of("poor", "", 1, 1., .5, .5),    run_of("joint", "", 1, kNever, .95, .95)};
}

std::vector<const Metric*> columns(const std::vector<std::string>& names) {
  std::vector<const Metric*> result;
  for (const std::string& name : names) result.push_back(&find_metric(name));
  return result;
}

TEST_CASE("a table has a row a method with mean, sample deviation and number of runs",
          "[analysis]") {
  const auto tables = make_tables(example(), columns({"last_accuracy"}));
  REQUIRE(tables.size() == 1);
  const Table& table = tables[0];
  REQUIRE(table.rows.size() == 4);
  CHECK(table.rows[0].method == "good");  // equal means are ordered by name
  CHECK(table.rows[2].method == "poor");
  CHECK(table.rows[3].method == "joint");  // saw everything at once: last although highest
  const Statistics& good = table.rows[0].cells[0].statistics;
  CHECK(good.n == 2);
  CHECK(good.mean == Approx(.85));
  CHECK(good.deviation == Approx(std::sqrt(.005)));  // (.05^2 + .05^2) / (2 - 1)
  CHECK(table.rows[0].run_ids == std::vector<std::string>{"good1", "good2"});
  CHECK(std::isnan(table.rows[2].cells[0].statistics.deviation));
}

TEST_CASE("equal printed means share a mark, and references have none", "[analysis]") {
  const auto table =
      make_tables(example(), columns({"last_accuracy", "forgetting", "added_parameters"}))[0];
  const auto mark = [&](size_t row, size_t column) { return table.rows[row].cells[column].mark; };
  // Rows: good, tied, poor, joint.
  CHECK(mark(0, 0) == Mark::kBest);
  CHECK(mark(1, 0) == Mark::kBest);
  CHECK(mark(2, 0) == Mark::kSecond);
  CHECK(mark(3, 0) == Mark::kNone);
  // Less forgetting is better: 10, 0, 50.
  CHECK(mark(0, 1) == Mark::kSecond);
  CHECK(mark(1, 1) == Mark::kBest);
  CHECK(mark(2, 1) == Mark::kNone);
  for (size_t row = 0; row < 4; ++row) CHECK(mark(row, 2) == Mark::kNone);
}

TEST_CASE("a single method is not marked as the best of itself", "[analysis]") {
  const auto table = make_tables({run_of("alone", "", 1, .9, .8, .8)}, columns({"forgetting"}))[0];
  CHECK(table.rows[0].cells[0].mark == Mark::kNone);
}

TEST_CASE("rows of one learner are named by the options in which they differ", "[analysis]") {
  const auto table = make_tables({run_of("sema", "threshold: 1, rank: 8", 1, .9, .8, .8),
                                  run_of("sema", "threshold: 2, rank: 8", 1, .9, .7, .7),
                                  run_of("other", "rank: 4", 1, .9, .6, .6)},
                                 columns({"last_accuracy"}))[0];
  REQUIRE(table.rows.size() == 3);
  CHECK(table.rows[0].method == "sema (threshold=1)");
  CHECK(table.rows[1].method == "sema (threshold=2)");
  CHECK(table.rows[2].method == "other");
}

TEST_CASE("another choice with options of its own is named, its options are not", "[analysis]") {
  const auto names = [](const std::vector<std::string>& options) {
    std::vector<RunRecord> runs;
    for (const std::string& one : options) runs.push_back(run_of("sema", one, 1, .9, .8, .8));
    const auto tables = make_tables(runs, columns({"last_accuracy"}));
    std::vector<std::string> result;
    for (const TableRow& row : tables[0].rows) result.push_back(row.method);
    return result;
  };
  using Names = std::vector<std::string>;
  CHECK(names({"adapter: {lora: {rank: 4, alpha: 4}}", "adapter: {parallel: {scale: 1}}"}) ==
        Names{"sema (adapter=lora)", "sema (adapter=parallel)"});
  CHECK(names({"adapter: {lora: {rank: 4, alpha: 4}}", "adapter: {lora: {rank: 8, alpha: 4}}",
               "adapter: none"}) == Names{"sema (adapter=lora, adapter.lora.rank=4)",
                                          "sema (adapter=lora, adapter.lora.rank=8)",
                                          "sema (adapter=none)"});
  // Also where more options follow the one that differs.
  CHECK(names({"adapter: {lora: {alpha: 4, rank: 4, targets: [q]}}",
               "adapter: {lora: {alpha: 4, rank: 8, targets: [q]}}", "adapter: none"})[0] ==
        "sema (adapter=lora, adapter.lora.rank=4)");
  // A choice without options is named as well.
  CHECK(names({"tuner: {ssf: {}}", "tuner: {vpt: {deep: true}}"}) ==
        Names{"sema (tuner=ssf)", "sema (tuner=vpt)"});
  // A group that an older run did not have is no choice.
  CHECK(names({"train: {lr: 1}", "train: {lr: 1, decay: {rate: 2}}"}) ==
        Names{"sema", "sema (train.decay.rate=2)"});
}

TEST_CASE("runs on different streams or backbones are never in one table", "[analysis]") {
  auto runs = example();
  const std::string spec = runs[0].spec;
  runs[0].spec.replace(spec.find("experiences: 2"), 14, "experiences: 5");
  const auto tables = make_tables(runs, columns({"last_accuracy"}));
  REQUIRE(tables.size() == 2);
  CHECK(tables[0].title == "blobs, tiny (stream.blobs.experiences=2)");
  CHECK(tables[1].title == "blobs, tiny (stream.blobs.experiences=5)");
  CHECK(tables[1].rows.size() == 1);
}

TEST_CASE("where the task is known at test, the default columns are those with the task known",
          "[analysis]") {
  auto runs = example();
  runs[0].spec.replace(runs[0].spec.find("experiences: 2"), 14, "scenario: task");
  const auto tables = make_tables(runs, {});
  REQUIRE(tables.size() == 2);
  const auto names = [](const Table& table) {
    std::vector<std::string> result;
    for (const TableColumn& column : table.columns) result.emplace_back(column.metric->name);
    return result;
  };
  CHECK(names(tables[0]) == std::vector<std::string>{"average_incremental_accuracy",
                                                     "last_accuracy", "forgetting",
                                                     "expansion_rate", "added_parameters"});
  CHECK(names(tables[1]) == std::vector<std::string>{"task_average_incremental_accuracy",
                                                     "task_last_accuracy", "task_forgetting",
                                                     "expansion_rate", "added_parameters"});
  CHECK(make_tables(runs, columns({"forgetting"}))[1].columns.size() == 1);
}

TEST_CASE("a table says where its rows cannot be compared", "[analysis]") {
  auto runs = example();
  const auto notes = [&] {
    std::string text;
    const Table table = make_tables(runs, default_columns())[0];
    for (const std::string& note : table.notes) text += note;
    return text;
  };
  CHECK_THAT(notes(), Contains("do not rest on the same seeds"));  // "poor" has only seed 1
  CHECK_THAT(notes(), !Contains("WARNING"));
  runs[0].digests["data"] = "aa";
  runs[2].digests["data"] = "bb";
  CHECK_THAT(notes(), Contains("WARNING"));
  runs[0].stream_seed = 7;  // another seed may draw other data
  CHECK_THAT(notes(), !Contains("WARNING"));
}

TEST_CASE("a table says what was not computed as usual", "[analysis]") {
  RunRecord run = run_of("good", "", 1, .9, .8, .8);
  const auto notes = [&](const std::string& settings) {
    RunRecord changed = run;
    changed.spec += settings;
    return make_tables({changed}, default_columns())[0].notes;
  };
  CHECK(notes("views: 0\nprecision: fp32\n").empty());
  const auto both = notes("views: 5\nprecision: bf16\n");
  REQUIRE(both.size() == 2);
  CHECK_THAT(both[0], Contains("training views come back after 5 passes"));
  CHECK_THAT(both[1], Contains("frozen parts computed in bf16"));
}

TEST_CASE("a table says that the backbone's weights are random", "[analysis]") {
  const auto notes = [](const std::string& weights) {
    RunRecord run = run_of("a", "", 1, .9, .8, .8);
    run.spec.replace(run.spec.find("backbone: tiny"), 14,
                     "backbone:\n  vit:\n    weights: " + weights);
    return make_tables({run}, default_columns())[0].notes;
  };
  CHECK(notes("a.safetensors").empty());
  CHECK(notes("./random").empty());
  for (const std::string weights : {"random", "\"\""}) {  // the latter in earlier run files
    INFO(weights);
    REQUIRE(notes(weights).size() == 1);
    CHECK_THAT(notes(weights)[0],
               Contains("random weights") && Contains("nothing was pre-trained"));
  }
}

TEST_CASE("a table says whose classification loss was always zero, and how often", "[analysis]") {
  std::vector<RunRecord> runs = example();
  const auto all = std::vector<int64_t>{0, 1};
  for (RunRecord& run : runs) {
    RunRecorder log(run);
    if (run.learner == "good" || run.learner == "poor") log_zero_loss(all, log);
    if (run.learner == "tied") log_zero_loss(std::span(all).first(1), log);
    CHECK(zero_loss(run).size() == (run.learner == "joint" ? 0U : run.learner == "tied" ? 1U : 2U));
  }
  const auto notes = make_tables(runs, default_columns())[0].notes;
  const auto has = [&](const std::string& text) {
    return std::count(notes.begin(), notes.end(), text) == 1;
  };
  CHECK(
      has("WARNING: in 1 of 2 experiences the classification loss of tied runs over a single "
          "class: it is always zero and teaches nothing"));
  CHECK(
      has("WARNING: in 2 of 2 experiences the classification loss of good, poor runs over a "
          "single class: it is always zero and teaches nothing"));
  const auto without = make_tables(example(), default_columns())[0].notes;
  CHECK(notes.size() == without.size() + 2);
}

TEST_CASE("a Markdown table reads as written here", "[analysis]") {
  const auto tables =
      make_tables(example(), columns({"last_accuracy", "forgetting", "added_parameters"}));
  // good: forgetting 10 both times, (.9 - .8) and (1 - .9).
  CHECK(render_markdown(tables) ==
        "### blobs, tiny\n"
        "\n"
        "| Method |  Last acc. (%) ↑ |    Forgetting (%) ↓ | Added params |   n |\n"
        "|--------|-----------------:|--------------------:|-------------:|----:|\n"
        "| good   | **85.00 ± 7.07** | <u>10.00 ± 0.00</u> |        6,000 |   2 |\n"
        "| tied   | **85.00 ± 0.00** |     **0.00 ± 0.00** |        6,000 |   2 |\n"
        "| poor   |     <u>50.00</u> |               50.00 |        6,000 |   1 |\n"
        "| joint  |            95.00 |                   – |        6,000 |   1 |\n"
        "\n"
        "- mean ± sample standard deviation (n - 1) over n runs with different seeds\n"
        "- the rows do not rest on the same seeds\n"
        "- methods evaluated once, after all experiences together, come last and are not ranked\n");
}

TEST_CASE("a CSV file holds full precision, fractions and the runs behind each value",
          "[analysis]") {
  const auto tables = make_tables(
      {run_of("a", "x: 1, y: 2", 1, .5, .3, .1), run_of("a", "x: 2, y: 3", 1, kNever, .25, .75)},
      columns({"last_accuracy", "forgetting"}));
  CHECK(render_csv(tables) ==
        "table,method,metric,mean,std,n,runs\n"
        "\"blobs, tiny\",\"a (x=1, y=2)\",last_accuracy,0.2,,1,\"ax: 1, y: 21\"\n"
        "\"blobs, tiny\",\"a (x=1, y=2)\",forgetting,0.2,,1,\"ax: 1, y: 21\"\n"
        "\"blobs, tiny\",\"a (x=2, y=3)\",last_accuracy,0.5,,1,\"ax: 2, y: 31\"\n"
        "\"blobs, tiny\",\"a (x=2, y=3)\",forgetting,,,1,\"ax: 2, y: 31\"\n");
}

TEST_CASE("a LaTeX document has rules, marks and escaped names", "[analysis]") {
  auto runs = example();
  for (RunRecord& run : runs) {
    if (run.learner == "tied") run.learner = "tied_50%";
  }
  const std::string text = render_latex(make_tables(runs, columns({"last_accuracy"})));
  CHECK_THAT(text, StartsWith("\\documentclass{article}\n"));
  CHECK_THAT(text, EndsWith("\\end{document}\n"));
  CHECK_THAT(text, Contains("Method & Last acc. (\\%) $\\uparrow$ & $n$ \\\\\n\\midrule\n"
                            "good & \\textbf{85.00 $\\pm$ 7.07} & 2 \\\\\n"
                            "tied\\_50\\% & \\textbf{85.00 $\\pm$ 0.00} & 2 \\\\\n"
                            "poor & \\underline{50.00} & 1 \\\\\n"
                            "\\midrule\n"
                            "joint & 95.00 & 1 \\\\\n"
                            "\\bottomrule\n"));
  CHECK_THAT(text, Contains("mean $\\pm$ sample standard deviation"));
}

TEST_CASE("control characters of names are in no table", "[analysis]") {
  RunRecord run = run_of("sema", "", 1, .9, .8, .8);
  run.stream = "blobs\x1b[2J\n\n| x |";
  run.backbone = "tiny\x07\xff";
  run.id = "a\rb";
  const auto tables = make_tables({run}, columns({"last_accuracy"}));
  const std::string markdown = render_markdown(tables), latex = render_latex(tables);
  const std::string csv = render_csv(tables);
  CHECK_THAT(
      markdown,
      StartsWith("### blobs\\\\x1b[2J\\\\x0a\\\\x0a\\| x \\|, tiny\\\\x07\\\\xff\n\n| Method"));
  CHECK_THAT(latex,
             Contains("blobs\\textbackslash{}x1b[2J\\textbackslash{}x0a\\textbackslash{}x0a| x "
                      "|, tiny\\textbackslash{}x07\\textbackslash{}xff"));
  CHECK_THAT(
      csv,
      Contains("\n\"blobs\\x1b[2J\n\n| x |, tiny\\x07\\xff\",sema,last_accuracy,0.8,,1,a\\x0db\n"));
  for (const std::string& text : {markdown, latex, csv}) {
    CHECK(text.find_first_of("\x1b\x07\xff\r") == std::string::npos);
  }
}

TEST_CASE("numbers are printed as their unit asks", "[analysis]") {
  CHECK(number_text(Unit::kPercent, .12345) == "12.35");  // 12.345 is a little above in binary
  CHECK(number_text(Unit::kPercent, -.00001) == "0.00");
  CHECK(number_text(Unit::kPercent, -.05) == "-5.00");
  CHECK(number_text(Unit::kRatio, .5) == "0.50");
  CHECK(number_text(Unit::kSeconds, 61.25) == "61.2");
  CHECK(number_text(Unit::kTeraflops, 0) == "0.00");
  CHECK(number_text(Unit::kTeraflops, .0012345) == "0.00123");
  CHECK(number_text(Unit::kTeraflops, 12.345) == "12.3");
  CHECK(number_text(Unit::kTeraflops, 123456) == "123,456");
  CHECK(number_text(Unit::kCount, 6) == "6");
  CHECK(number_text(Unit::kCount, 2.5) == "2.5");
  CHECK(number_text(Unit::kCount, 86781616) == "86,781,616");
  CHECK(number_text(Unit::kCount, 1234.5) == "1,234");
  CHECK(number_text(Unit::kCount, -123456) == "-123,456");
  CHECK(number_text(Unit::kCount, 999) == "999");
  CHECK(number_text(Unit::kPercent, kNever).empty());
  CHECK(deviation_text(Unit::kCount, {3, 5, 0}).empty());
  CHECK(deviation_text(Unit::kTeraflops, {3, .116, 1e-17}) == "0.000");  // as fine as the mean
  CHECK(deviation_text(Unit::kTeraflops, {3, 12.3, .24}) == "0.2");
  CHECK(deviation_text(Unit::kTeraflops, {1, .5, kNever}).empty());
  CHECK(deviation_text(Unit::kPercent, {3, .5, 0}) == "0.00");
  CHECK(deviation_text(Unit::kPercent, {1, .5, kNever}).empty());
}

}  // namespace
}  // namespace cl::analysis
