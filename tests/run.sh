#!/usr/bin/env bash
# Installs what is missing, builds everything and runs every test. Can be run from any folder and
# again. Arguments go to ctest. CLSIM_TEST_FOLDERS="core learners" builds and runs only the tests of
# those folders.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../experiments/setup.sh"

targets=(all)
chosen=()
if [[ -n ${CLSIM_TEST_FOLDERS:-} ]]; then
  read -ra folders <<<"$CLSIM_TEST_FOLDERS"
  targets=("${folders[@]/%/_tests}")
  chosen=(-R "^($(IFS='|' && echo "${folders[*]}")): ")
fi

install_packages "${CLSIM_PACKAGES[@]}" "${CLSIM_TEST_PACKAGES[@]}"
configure -DCL_TESTS=ON
build "${targets[@]}"

say "running the tests"
ctest --test-dir "$CLSIM_BUILD" --output-on-failure -j 2 "${chosen[@]}" "$@"
grep -h 'differs from its transcript' "$CLSIM_BUILD/Testing/Temporary/LastTest.log" || true
say "done"
