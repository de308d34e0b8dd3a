#!/usr/bin/env bash
# Installs what is missing, builds everything and runs every test. Can be run from any folder and
# again. Arguments go to ctest.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../experiments/setup.sh"

install_packages "${CLSIM_PACKAGES[@]}" "${CLSIM_TEST_PACKAGES[@]}"
configure -DCL_TESTS=ON
build all

say "running the tests"
ctest --test-dir "$CLSIM_BUILD" --output-on-failure -j 2 "$@"
say "done"
