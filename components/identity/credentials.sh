#!/bin/sh
# The secrets of a node: CA certificate, bootstrap kubeconfig, kube-proxy's kubeconfig, logins to registries. Its whole
# standard input is secret.
set -eu
. "${0%/*}/lib.sh"
CLIENT_CERTIFICATE=/var/lib/kubelet/pki/kubelet-client-current.pem

kn_part_apply() {
    # A node that has joined needs no token: none is written again, and the kubelet's part deleted the first.
    [ -n "$(kn_setting heal)" ] || [ ! -e "$CLIENT_CERTIFICATE" ] || KN_SKIP_FILE=bootstrap.kubeconfig
    kn_mkdir /etc/kubernetes
    kn_mkdir /etc/kubernetes/ssl 0700
    # The logins lie in the kubelet's folder, which its own part empties later on if nothing was there before us.
    kn_logins=$(sed -n 's/^file | config.json [^ ]* [^ ]* //p' "$KN_TMP/bundle")
    [ -z "$kn_logins" ] || kn_note_dirs "${kn_logins%/*}"
    kn_put_files
    kn_drop_stale
    # The token's file comes and goes; it is not a file that a check should miss.
    grep -v ' /etc/kubernetes/bootstrap.kubeconfig$' "$KN_TMP/owned" >"$KN_TMP/owned.lasting" || :
    mv "$KN_TMP/owned.lasting" "$KN_TMP/owned"
}

kn_part_remove() { :; }

kn_main credentials "$@"
