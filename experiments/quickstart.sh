#!/usr/bin/env bash
# From a fresh clone to a table: installs what is missing, builds, runs the quickstart suite, prints
# its table. Can be run from any folder and again: it then does only what is missing.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

results=$CLSIM_ROOT/results/quickstart
suite=$CLSIM_ROOT/experiments/suites/quickstart.yaml
clsim=$CLSIM_BUILD/bin/clsim

install_packages "${CLSIM_PACKAGES[@]}"
# The tests may be configured already: that is left as it is.
if [[ -f $CLSIM_BUILD/CMakeCache.txt ]]; then configure; else configure -DCL_TESTS=OFF; fi
build clsim

say "running $suite"
code=0
"$clsim" run "$suite" --out "$results" --jobs "$(parallel_jobs)" --resume || code=$?
((code != 130)) || { say "stopped; to go on, run this again: $0"; exit "$code"; }
((code == 0)) || exit "$code"

"$clsim" table "$results" --format latex >"$results/table.tex"
"$clsim" table "$results" --format csv >"$results/table.csv"
"$clsim" plot "$results" >"$results/accuracy.svg"
echo
"$clsim" table "$results"
echo
say "done"
echo "runs (HDF5)   $results/*.h5     one of them for people: $clsim show FILE"
echo "LaTeX table   $results/table.tex"
echo "CSV table     $results/table.csv"
echo "figure        $results/accuracy.svg"
