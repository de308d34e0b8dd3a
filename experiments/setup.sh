# Shared by experiments/quickstart.sh and tests/run.sh, which source it: installs what is missing,
# configures and builds. Not run by itself.
# Afterwards $CLSIM_ROOT is the repository and $CLSIM_BUILD the build folder.
#
# $CLSIM_TORCH says which LibTorch: nothing, Debian's; a folder, the PyTorch or libtorch there (see
# README); "wheel", the PyTorch of $CLSIM_TORCH_WHEEL in an environment of its own. Each but Debian's
# has a build folder of its own.

CLSIM_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CLSIM_TORCH=${CLSIM_TORCH:-}
CLSIM_TORCH_WHEEL=2.13.0

CLSIM_PACKAGES=(
  g++ cmake ninja-build ccache pkg-config git
  libopencv-dev libhdf5-dev libyaml-cpp-dev libtbb-dev
  libjpeg-dev libpng-dev libtiff-dev libwebp-dev libgif-dev
  libcli11-dev libspdlog-dev libfmt-dev nlohmann-json3-dev libssl-dev zlib1g-dev
  dataset-fashion-mnist
)
case $CLSIM_TORCH in
  '') CLSIM_PACKAGES+=(libtorch-dev libopenblas0-openmp) ;;
  wheel) CLSIM_PACKAGES+=(python3-venv) ;;
esac
CLSIM_TEST_PACKAGES=(
  catch2 python3-xarray python3-h5netcdf texlive-latex-base texlive-latex-recommended
)

say() { printf '[%3ds] %s\n' "$SECONDS" "$*"; }
stop() { printf 'clsim: %s\n' "$*" >&2; exit 1; }

# Prints the name of the build folder for CLSIM_TORCH: "build", "build-torch2.13.0".
build_folder() {
  case $CLSIM_TORCH in
    '') echo build ;;
    wheel) echo "build-torch$CLSIM_TORCH_WHEEL-wheel" ;;
    *)
      local headers=$CLSIM_TORCH/include/torch version
      version=$(sed -n 's/^#define TORCH_VERSION_\(MAJOR\|MINOR\|PATCH\) //p' \
        "$headers"/{csrc/api/include/torch,headeronly}/version.h 2>/dev/null | paste -sd .) || true
      [[ -n $version ]] || stop "there is no LibTorch in CLSIM_TORCH=$CLSIM_TORCH; that of an installed" \
        "PyTorch is where python -c 'import torch; print(torch.__path__[0])' says"
      echo "build-torch$version"
      ;;
  esac
}
CLSIM_BUILD=${CLSIM_BUILD:-$CLSIM_ROOT/$(build_folder)}

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

# Makes the environment that CLSIM_TORCH=wheel stands for, below the build folder, and names the
# PyTorch in it.
install_wheel() {
  [[ $CLSIM_TORCH == wheel ]] || return 0
  local environment=$CLSIM_BUILD/python log=$CLSIM_BUILD/pip.log index=()
  if [[ ! -f $environment/complete ]]; then
    say "installing PyTorch $CLSIM_TORCH_WHEEL in $environment"
    rm -rf "$environment"
    mkdir -p "$CLSIM_BUILD"
    python3 -m venv "$environment"
    # PyPI has the one for GPUs, of 5 GB; PyTorch's own index one of 0.2 GB for processors. Who told
    # pip where to look is left alone.
    "$environment/bin/pip" config list | grep -E 'index-url|find-links' >/dev/null ||
      index=(--extra-index-url https://download.pytorch.org/whl/cpu)
    "$environment/bin/pip" install "${index[@]}" "torch==$CLSIM_TORCH_WHEEL" >"$log" 2>&1 ||
      { tail -n 20 "$log" >&2; stop "pip cannot install PyTorch; all of its output is in $log"; }
    touch "$environment/complete"
  fi
  CLSIM_TORCH=$(echo "$environment"/lib/python3*/site-packages/torch)
}

# configure ARGUMENTS...: makes the build folder ready; arguments go to CMake.
configure() {
  install_wheel
  say "configuring $CLSIM_BUILD"
  local log=$CLSIM_BUILD/configure.log
  mkdir -p "$CLSIM_BUILD"
  # Who works on the code has it configured already, and with other wishes.
  [[ -f $CLSIM_BUILD/CMakeCache.txt ]] || set -- -DCL_UNITY=ON "$@"
  [[ -z $CLSIM_TORCH ]] || set -- -DCLSIM_TORCH="$(realpath "$CLSIM_TORCH")" "$@"
  cmake -S "$CLSIM_ROOT" -B "$CLSIM_BUILD" -G Ninja -DCMAKE_BUILD_TYPE=Release "$@" >"$log" 2>&1 ||
    { tail -n 40 "$log" >&2; stop "configuring failed; all of its output is in $log"; }
  grep -e '-- LibTorch' "$log"
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
