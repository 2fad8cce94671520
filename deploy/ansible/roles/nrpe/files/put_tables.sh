#!/bin/sh
# Puts a pair of access tables in the place of another one:
#   put_tables.sh ALLOW-STAGED ALLOW DENY-STAGED DENY [ALLOW-SUM DENY-SUM]
# Each is renamed from its own directory, so no reader meets half of one. When the second cannot be, the
# first goes back, and the status is 1. With sums (SHA-256, or none) it does nothing if a table is not
# any more what it was when its successor was made: somebody else has written it. It needs nobody who
# stays connected meanwhile.
set -eu
allow_staged=$1 allow=$2 deny_staged=$3 deny=$4
before=$allow_staged.before

expect() {
  # mv(1) would move into a directory.
  if [ -d "$1" ]; then
    echo "$1 is a directory" >&2
    exit 1
  fi
  sum=none
  if [ -e "$1" ]; then
    sum=$(sha256sum < "$1")
    sum=${sum%% *}
  fi
  if [ "$sum" != "${2:-$sum}" ]; then
    echo "$1 has changed meanwhile" >&2
    exit 1
  fi
}

expect "$allow" "${5-}"
expect "$deny" "${6-}"
# A machine that fails now must not come up with empty tables.
sync "$allow_staged" "$deny_staged" 2> /dev/null || sync
rm -f "$before"
if [ -e "$allow" ]; then ln "$allow" "$before"; fi
trap '' HUP INT TERM
mv -f "$allow_staged" "$allow"
if mv -f "$deny_staged" "$deny"; then
  rm -f "$before"
  exit 0
fi
if [ -e "$before" ]; then mv -f "$before" "$allow"; else rm -f "$allow"; fi
exit 1
