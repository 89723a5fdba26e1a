#!/usr/bin/env bash
# needs.sh WHO PROGRAM:PACKAGE..: one line and exit 1 if a program is missing that only WHO needs, so that setup need not
# install it. A FILE (with a slash) in the place of a program must be there instead; it may be a pattern.
set -u
who=$1
shift
missing=()
for need in "$@"; do
  what=${need%%:*}
  case $what in
    */*) compgen -G "$what" >/dev/null ;;
    *) command -v "$what" >/dev/null ;;
  esac || missing+=("${need##*:}")
done
[ ${#missing[@]} -eq 0 ] && exit 0
echo "$who: missing: ${missing[*]}; install with: apt-get install ${missing[*]}" >&2
exit 1
