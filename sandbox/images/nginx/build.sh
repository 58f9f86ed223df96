#!/bin/sh
# Makes the file system of the nginx image: Debian's nginx with its welcome page, its logs on stdout and stderr.
# usage: build.sh SUITE MIRROR SECURITY_MIRROR OUTPUT.tar
set -eu

suite=$1 mirror=$2 security=$3 output=$4

# shellcheck disable=SC2016  # mmdebstrap's own shell expands $1
mmdebstrap --quiet --variant=essential --format=tar --include=nginx-light,curl \
  --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  --customize-hook='ln -sf /dev/stdout "$1/var/log/nginx/access.log"' \
  --customize-hook='ln -sf /dev/stderr "$1/var/log/nginx/error.log"' \
  --customize-hook='rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/debconf/*' \
  --customize-hook='rm -f "$1/etc/hostname" "$1/etc/resolv.conf"' \
  "$suite" "$output" - <<SOURCES
deb $mirror $suite main
deb $mirror $suite-updates main
deb $security $suite-security main
SOURCES
