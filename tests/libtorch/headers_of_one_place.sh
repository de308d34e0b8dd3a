#!/bin/sh
# headers_of_one_place.sh NINJA BUILD NAMES PREFIX...: fails if any file of the build folder was
# compiled with a header in a folder called one of NAMES ("fmt|spdlog") that has none of the prefixes.
ninja=$1 build=$2 names=$3
shift 3
read_headers() { "$ninja" -C "$build" -t deps | sed -n 's/^    //p' | sort -u | grep -E "/($names)/"; }
strangers=$(read_headers | while read -r header; do
  for prefix in "$@"; do
    case $header in "$prefix"/*) continue 2 ;; esac
  done
  echo "$header"
done)
[ -n "$(read_headers)" ] || { echo "no header of $names was read: that cannot be"; exit 1; }
[ -z "$strangers" ] || { echo "these headers are not from $*:"; echo "$strangers" | head -n 20; exit 1; }
