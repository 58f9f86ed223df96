#!/bin/sh
# Fetches Debian's package of the standard CNI plugins.
# usage: build.sh SUITE MIRROR SECURITY_MIRROR OUTPUT.deb
set -eu

suite=$1 mirror=$2 security=$3 output=$4
export output

# shellcheck disable=SC2016  # mmdebstrap's own shell expands $1
mmdebstrap --quiet --variant=extract --format=null --include=containernetworking-plugins \
  --extract-hook='cp "$1"/var/cache/apt/archives/containernetworking-plugins_*.deb "$output"' \
  "$suite" /dev/null - <<SOURCES
deb $mirror $suite main
deb $mirror $suite-updates main
deb $security $suite-security main
SOURCES
