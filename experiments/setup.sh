# Shared by experiments/quickstart.sh and tests/run.sh, which source it: installs what is missing,
# configures and builds. Not run by itself.
# Afterwards $CLSIM_ROOT is the repository and $CLSIM_BUILD the build folder.

CLSIM_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CLSIM_BUILD=${CLSIM_BUILD:-$CLSIM_ROOT/build}

CLSIM_PACKAGES=(
  g++ cmake ninja-build ccache pkg-config git
  libtorch-dev libopenblas0-openmp libopencv-dev libhdf5-dev libyaml-cpp-dev libtbb-dev
  libjpeg-dev libpng-dev libtiff-dev libwebp-dev libgif-dev
  libcli11-dev libspdlog-dev libfmt-dev nlohmann-json3-dev libssl-dev zlib1g-dev
  dataset-fashion-mnist
)
CLSIM_TEST_PACKAGES=(
  catch2 python3-xarray python3-h5netcdf texlive-latex-base texlive-latex-recommended
)

say() { printf '[%3ds] %s\n' "$SECONDS" "$*"; }
stop() { printf 'clsim: %s\n' "$*" >&2; exit 1; }

# Installs those of the named Debian packages that are not there yet.
install_packages() {
  local missing=() package
  if command -v dpkg-query >/dev/null; then
    for package in "$@"; do
      [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
        missing+=("$package")
    done
  else
    missing=("$@")
  fi
  ((${#missing[@]})) || return 0
  if ! command -v apt-get >/dev/null; then
    [[ ${CLSIM_SKIP_INSTALL:-} != 1 ]] || return 0
    stop "there is no apt-get here; please install what these Debian packages hold, then run this again" \
      "with CLSIM_SKIP_INSTALL=1: ${missing[*]}"
  fi
  local as_root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null ||
      stop "neither root nor sudo; please have these packages installed, then run this again: ${missing[*]}"
    as_root=(sudo)
  fi
  say "installing ${#missing[@]} packages: ${missing[*]}"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -q
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -q -y --no-install-recommends "${missing[@]}"
}

# configure ARGUMENTS...: makes the build folder ready; arguments go to CMake.
configure() {
  say "configuring $CLSIM_BUILD"
  local log=$CLSIM_BUILD/configure.log
  mkdir -p "$CLSIM_BUILD"
  # Who works on the code has it configured already, and with other wishes.
  [[ -f $CLSIM_BUILD/CMakeCache.txt ]] || set -- -DCL_UNITY=ON "$@"
  cmake -S "$CLSIM_ROOT" -B "$CLSIM_BUILD" -G Ninja -DCMAKE_BUILD_TYPE=Release "$@" >"$log" 2>&1 ||
    { tail -n 40 "$log" >&2; stop "configuring failed; all of its output is in $log"; }
}

# How many jobs of about 1 GB the machine takes at a time, as compilers of files that include
# LibTorch and runs of small backbones are.
parallel_jobs() {
  local cores memory_gib
  cores=$(nproc)
  memory_gib=$(awk '/MemAvailable/ {print int($2 / 1048576)}' /proc/meminfo 2>/dev/null || echo 4)
  ((memory_gib < 1)) && memory_gib=1
  echo $((cores < memory_gib ? cores : memory_gib))
}

# build TARGET...: builds what is out of date.
build() {
  say "building (the first time takes some minutes)"
  cmake --build "$CLSIM_BUILD" -j "$(parallel_jobs)" --target "$@"
}
