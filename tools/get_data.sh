#!/usr/bin/env bash
# Downloads a data set from its publisher and unpacks it where `--data` expects it.
#
#   tools/get_data.sh cifar10|cifar100|fashion-mnist|imagenette DIR
#
# What is downloaded from where, with sizes and SHA-256, stands in tools/data_sources.txt; SOURCES=FILE is another such
# list, say with addresses of a mirror or of files (file://). Run again after an interruption, it goes on where it was. DIR
# must be new or empty, or hold what an earlier run began; it is complete when the script says so, and never half of it.
# Exit code 0: it is there; 1: it could not be had; 2: the command line is wrong.
set -euo pipefail
export LC_ALL=C

fail() { printf 'get_data: %s\n' "$2" >&2; exit "$1"; }

sources=${SOURCES:-$(dirname "$0")/data_sources.txt}
[ -r "$sources" ] || fail 1 "$sources: cannot be read"
known=$(awk '!/^ *(#|$)/ && !seen[$1]++ { printf "%s%s", n++ ? "|" : "", $1 }' "$sources")
[ $# -eq 2 ] || fail 2 "usage: get_data.sh $known DIR"
set_name=$1 folder=$2
list=$(awk -v name="$set_name" '$1 == name { print $2, $3, $4, $5 }' "$sources")
[ -n "$list" ] || fail 2 "'$set_name' is no data set that is known here: $known"
case $set_name in
  fashion-mnist) spec=mnist ;;
  imagenette) spec=folder ;;
  *) spec=$set_name ;;
esac

# What is being downloaded, and the list it is downloaded by; the last goes where the data is complete.
begun=$folder/.download complete=$folder/.complete
if [ -e "$complete" ]; then
  [ "$(<"$complete")" = "$list" ] || fail 1 "$folder: holds another data set, or another edition of $set_name"
  echo "$set_name is there already: --data $spec:$folder"
  exit 0
fi
if [ -e "$begun/list" ]; then
  [ "$(<"$begun/list")" = "$list" ] || fail 1 "$folder: another download was begun there; finish it, or remove $begun"
elif [ -e "$folder" ] && [ -n "$(ls -A "$folder")" ]; then
  fail 1 "$folder: is not empty, must be a new folder or an empty one"
fi
mkdir -p "$begun"
printf '%s\n' "$list" >"$begun/list.new"
mv "$begun/list.new" "$begun/list"

size_of() { if [ -e "$1" ]; then wc -c <"$1"; else echo 0; fi; }

# download ADDRESS FILE: into FILE, behind what it holds already.
download() {
  if command -v curl >/dev/null; then
    local meter=(--silent --show-error) code=0
    [ ! -t 2 ] || meter=(--progress-bar)
    # Less than 1 kB/s for a minute is a connection that hangs.
    local fetch=(curl "${meter[@]}" --fail --location --retry 5 --speed-limit 1000 --speed-time 60 --output "$2")
    "${fetch[@]}" --continue-at - "$1" || code=$?
    [ "$code" -ne 33 ] || { code=0; rm -f "$2"; "${fetch[@]}" "$1" || code=$?; }  # 33: the server can only give the whole
    return "$code"
  elif command -v wget >/dev/null; then
    wget --continue --tries=5 --timeout=60 --no-verbose --output-document="$2" "$1"
  else
    fail 1 "neither curl nor wget is here: apt-get install curl"
  fi
}

# fetch BYTES SHA256 ADDRESS: a file in $begun under the address's name, whole and right.
fetch() {
  local bytes=$1 sha=$2 address=$3 name=${3##*/} part
  [ ! -e "$begun/$name" ] || return 0
  part=$begun/$name.part
  [ "$(size_of "$part")" -le "$bytes" ] || rm -f "$part"
  if [ "$(size_of "$part")" -lt "$bytes" ]; then
    echo "$address: $((bytes - $(size_of "$part"))) of $bytes bytes to download" >&2
    download "$address" "$part" || fail 1 "$address: the download broke off; the same command goes on with it"
  fi
  local got
  got=$(size_of "$part")
  [ "$got" -ge "$bytes" ] || fail 1 "$address: $got of $bytes bytes came; the same command goes on with it"
  got=$(sha256sum <"$part" | cut -d ' ' -f 1)
  if [ "$got" != "$sha" ]; then
    rm -f "$part"
    fail 1 "$address: is not the published file: its SHA-256 is $got, must be $sha; it was removed"
  fi
  mv "$part" "$begun/$name"
}

while read -r what bytes sha address; do fetch "$bytes" "$sha" "$address"; done <<<"$list"

rm -rf "$begun/unpacked"
mkdir "$begun/unpacked"
while read -r what bytes sha address; do
  name=${address##*/}
  case $what in
    unpack) tar -xzf "$begun/$name" -C "$begun/unpacked" --strip-components=1 --no-same-owner || fail 1 "$begun/$name: could not be unpacked" ;;
    keep) ln "$begun/$name" "$begun/unpacked/$name" 2>/dev/null || cp "$begun/$name" "$begun/unpacked/$name" ;;
    *) fail 1 "$sources: says '$what' of $address, must say unpack or keep" ;;
  esac
done <<<"$list"

# Everything that is in DIR by now came from here: an earlier run that was stopped at this point.
find "$folder" -mindepth 1 -maxdepth 1 ! -path "$begun" -exec rm -rf {} +
find "$begun/unpacked" -mindepth 1 -maxdepth 1 -exec mv -t "$folder" {} +
mv "$begun/list" "$complete"
rm -rf "$begun"
echo "$set_name is complete: --data $spec:$folder"
