#!/bin/sh
# The secrets of a node: CA certificate, kubeconfigs of kubelet and kube-proxy, the kubelet's serving certificate, logins
# to registries. Its whole standard input is secret.
set -eu
. "${0%/*}/lib.sh"
CLIENT_CERTIFICATE=/var/lib/kubelet/pki/kubelet-client-current.pem
BOOTSTRAP=/etc/kubernetes/bootstrap.kubeconfig
KUBELET_KUBECONFIG=/etc/kubernetes/kubelet.kubeconfig

kn_part_apply() {
    # A node that has joined needs no token, unless it lost what it joined with, or is to be healed and was not yet: none is
    # written again, and the kubelet's part deleted the first.
    [ ! -e "$CLIENT_CERTIFICATE" ] || [ ! -e "$KUBELET_KUBECONFIG" ] ||
        [ "$(kn_setting heal)" != "$(cat "$KN_R/healed" 2>/dev/null)" ] || KN_SKIP_FILE=bootstrap.kubeconfig
    kn_mkdir /etc/kubernetes
    kn_mkdir /etc/kubernetes/ssl 0700
    kn_own_folder /etc/kubernetes kubelet.kubeconfig bootstrap.kubeconfig
    # The logins lie in the kubelet's folder, which its own part empties later on if nothing was there before us.
    kn_logins=$(sed -n 's/^file | config.json [^ ]* [^ ]* //p' "$KN_TMP/bundle")
    [ -z "$kn_logins" ] || kn_note_dirs "${kn_logins%/*}"
    share_kubeconfig
    kn_put_files
    kn_drop_stale
    # The token's file comes and goes; it is not a file that a check should miss.
    grep -v " $BOOTSTRAP\$" "$KN_TMP/owned" >"$KN_TMP/owned.lasting" || :
    mv "$KN_TMP/owned.lasting" "$KN_TMP/owned"
    [ -z "$(kn_setting heal)" ] || kn_setting heal >"$KN_R/healed"
    stop_orphan
}

# A kubelet that lost its certificate runs on with it in memory, and looks well to who approves its next request: that is
# not waited for. So it stops here, for the moment until its own part starts it with its token.
stop_orphan() {
    [ -e "$BOOTSTRAP" ] && [ ! -e "$CLIENT_CERTIFICATE" ] && kn_is_reapply || return 0
    systemctl is-active -q kubelet.service || return 0
    kn_stop kubelet.service
    kn_say "the kubelet has lost its client certificate: stopped, to join anew"
}

# kubelet.kubeconfig is ours if the kubelet is given its certificate, else the kubelet's own. So what the kubelet wrote is
# never put back; and a kubelet that is to make a key of its own needs the one that it was given to ask for it.
share_kubeconfig() {
    if grep -q '^file | kubelet.kubeconfig ' "$KN_TMP/bundle"; then
        kn_kubeconfig="$(kn_id "$KUBELET_KUBECONFIG") $KUBELET_KUBECONFIG"
        ! grep -qsF " $kn_kubeconfig" "$KN_R/prior/list" || return 0
        (umask 077 && mkdir -p "$KN_R/prior" && printf 'absent %s\n' "$kn_kubeconfig" >>"$KN_R/prior/list")
    elif grep -qs " $KUBELET_KUBECONFIG\$" "$KN_R/owned"; then
        grep -v " $KUBELET_KUBECONFIG\$" "$KN_R/owned" >"$KN_R/owned.shared" || :
        mv -f "$KN_R/owned.shared" "$KN_R/owned"
    fi
}

kn_part_remove() { :; }

kn_main credentials "$@"
