#!/usr/bin/env bash
# setup.sh WHO PROGRAM:PACKAGE..: installs with apt what only WHO needs, as root or by sudo. Where that cannot be, one line
# says what to install. Where all is there, nothing is run.
set -eu
needs=$(dirname "$0")/../needs.sh
"$needs" "$@" 2>/dev/null && exit 0
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo -n)
if ! command -v apt-get >/dev/null || ! "${as_root[@]}" true 2>/dev/null; then
  "$needs" "$@"
  exit 1
fi
packages=()
for need in "${@:2}"; do
  command -v "${need%%:*}" >/dev/null || packages+=("${need##*:}")
done
echo "$1: installing ${packages[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y --no-install-recommends "${packages[@]}"
"$needs" "$@"
