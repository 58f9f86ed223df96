#!/bin/sh
# Makes the file system of a bare Linux host: systemd and sshd, nothing of Docker or Kubernetes.
# usage: build.sh SUITE MIRROR SECURITY_MIRROR OUTPUT.tar
set -eu

suite=$1 mirror=$2 security=$3 output=$4
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
packages=$(paste -s -d , "$here/packages.txt")

# Each host makes its own SSH host keys and machine-id when it first boots.
# shellcheck disable=SC2016  # mmdebstrap's own shell expands $1
mmdebstrap --quiet --variant=minbase --format=tar --include="$packages" \
  --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  --customize-hook='rm -f "$1"/etc/ssh/ssh_host_*_key "$1"/etc/ssh/ssh_host_*_key.pub' \
  --customize-hook=': > "$1/etc/machine-id"; rm -f "$1/var/lib/dbus/machine-id"' \
  --customize-hook='rm -f "$1/etc/hostname" "$1/etc/resolv.conf"' \
  "$suite" "$output" - <<SOURCES
deb $mirror $suite main
deb $mirror $suite-updates main
deb $security $suite-security main
SOURCES
