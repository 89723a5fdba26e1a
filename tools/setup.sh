#!/usr/bin/env bash
# Installs what is missing to build and test, with apt. Where everything is there, nothing is run and no network is
# touched; without rights, the one command to run is printed.
set -eu

# A header or program that shows a package is there, and the package.
needs() {
  cat <<'LIST'
g++             g++
dnnl.h          libdnnl-dev
eigen3/Eigen/Dense libeigen3-dev
gtest/gtest.h   libgtest-dev
nlohmann/json.hpp nlohmann-json3-dev
zlib.h          zlib1g-dev
stb/stb_image_write.h libstb-dev
jpeglib.h       libjpeg-dev
cxxopts.hpp     libcxxopts-dev
LIST
  [ -z "${MPI:-}" ] || echo "mpicxx          openmpi-bin libopenmpi-dev"
}

compiler=${CXX:-g++}
include=()
[ -n "${ONEDNN:-}" ] && include+=(-isystem "$ONEDNN/include")
[ -n "${LIBRARIES:-}" ] && include+=(-isystem "$LIBRARIES/include")

missing=()
while read -r what package; do
  if [ "$what" = g++ ]; then
    command -v "$compiler" >/dev/null || missing+=("$package")
  elif [ "$what" = mpicxx ]; then
    command -v mpicxx >/dev/null && command -v mpirun >/dev/null || missing+=("$package")
  elif ! command -v "$compiler" >/dev/null || ! echo "#include <$what>" | "$compiler" -std=c++20 "${include[@]}" -E -x c++ - >/dev/null 2>&1; then
    missing+=("$package")
  fi
done < <(needs)
[ ${#missing[@]} -eq 0 ] && exit 0

install="apt-get install -y --no-install-recommends ${missing[*]}"
if ! command -v apt-get >/dev/null; then
  cat >&2 <<TEXT
setup: missing here: ${missing[*]} (Debian's names), and there is no apt-get.
Needed: g++ 12 or another compiler of C++20 with OpenMP, make, oneDNN 2.6 to 3.x built with OpenMP,
Eigen 3 (as eigen3/Eigen), nlohmann-json 3, zlib, libjpeg-turbo, stb, cxxopts 3.1.1 or newer, GoogleTest;
for MPI=1 an MPI 3. Tell make where they are:
  make ONEDNN=DIR    oneDNN's folder, with include/ and lib/ (the wheels onednn-cpu-gomp and onednn-devel-cpu-gomp 2023.2 have them)
  make LIBRARIES=DIR the same for all the others
  make MPI=1 MPICXX=DIR/bin/mpicxx    the MPI to build for
TEXT
  exit 1
fi
if [ "$(id -u)" -eq 0 ]; then
  as_root=()
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
  as_root=(sudo)
else
  echo "setup: missing: ${missing[*]}; no rights to install them. Run this once, then make again:" >&2
  echo "  sudo apt-get update && sudo $install" >&2
  exit 1
fi
echo "setup: installing ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" $install
