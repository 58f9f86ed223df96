#!/bin/sh
# The host's side of the pod network: the CNI directories and the standard plugins.
#
# Owns the files it put there. A configuration or a plugin of somebody else stays where it is.
set -eu
. "${0%/*}/lib.sh"

kn_part_apply() {
    kn_fetch_artifacts
    kn_note_dirs /var/lib/cni
    kn_mkdir /opt/cni/bin
    kn_mkdir /etc/cni/net.d
    kn_put_files
    kn_put_artifacts
    kn_drop_stale
}

kn_part_remove() {
    # The pods are gone by now; what the plugins noted of their addresses is of no use to anybody.
    kn_drop_dir /var/lib/cni
}

kn_main calico "$@"
