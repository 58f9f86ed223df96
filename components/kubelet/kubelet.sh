#!/bin/sh
# The kubelet: binary, configuration, unit; and, when it goes, everything that its pods left on the host.
set -eu
. "${0%/*}/lib.sh"
PLUGIN_DIR=/usr/libexec/kubernetes
CLIENT_CERTIFICATE=/var/lib/kubelet/pki/kubelet-client-current.pem

kn_part_apply() {
    kn_fetch_artifacts
    kn_note_tables
    kn_note_dirs /var/lib/kubelet /var/log/pods /var/log/containers "$PLUGIN_DIR"
    mkdir -p /var/lib/kubelet
    kn_put_files
    kn_put_artifacts
    kn_drop_stale
    ! kn_changed kubelet.service || kn_daemon_reload
    ! kubelet_is_unregistered || KN_CHANGED="${KN_CHANGED}registration "
    kn_start kubelet.service "$(kn_setting healthy-timeout-seconds 180)" kubelet_healthy \
        kubelet kubelet.yaml kubelet.service registration
    # Joined: the token has done its work.
    rm -f /etc/kubernetes/bootstrap.kubeconfig
}

# A kubelet that still waits for its client certificate answers too, so this waits for the approval itself.
kubelet_healthy() {
    [ -e "$CLIENT_CERTIFICATE" ] &&
        [ "$(curl -fsS -m 5 http://127.0.0.1:10248/healthz 2>/dev/null)" = ok ]
}

# A kubelet registers when it starts, and only then. If its Node was deleted since and made anew, by us or by somebody
# else, the new one lacks what registration writes, for example the label that pods are spread by. No answer is no reason.
kubelet_is_unregistered() {
    [ -e "$CLIENT_CERTIFICATE" ] && systemctl is-active -q kubelet.service || return 1
    kn_server=$(sed -n 's/^ *server: *//p' /etc/kubernetes/kubelet.kubeconfig 2>/dev/null | head -n 1)
    kn_status=$(curl -sS -m 10 --noproxy '*' --cacert /etc/kubernetes/ssl/ca.pem --cert "$CLIENT_CERTIFICATE" \
        -o "$KN_TMP/node" -w '%{http_code}' "$kn_server/api/v1/nodes/$KN_NODE" 2>>"$KN_TMP/log") || return 1
    case $kn_status in
    404) ;;
    200) ! grep -q '"kubernetes.io/hostname":' "$KN_TMP/node" || return 1 ;;
    *) return 1 ;;
    esac
    kn_say "the Node is not one that this kubelet registered"
}

kn_part_remove() {
    kn_restore_units
    kn_stop kubelet.service
    stop_pods
    for kn_dir in /var/lib/kubelet /var/log/pods /var/log/containers "$PLUGIN_DIR"; do kn_drop_dir "$kn_dir"; done
    rm -f /etc/kubernetes/kubelet.kubeconfig
    kn_restore_files
    kn_try 60 systemctl daemon-reload || :
    # Without a kube-proxy of ours the cluster's own ran in a pod, and left its rules when that ended.
    [ -d "$KN_RECORD/parts/kube-proxy" ] || kn_delete_proxy_rules
    find /sys/fs/cgroup -depth -type d -path '*kubepods*' -exec rmdir {} + 2>/dev/null || :
}

# Through the CRI, so that the network plugin gives back each pod's address; what does not answer is removed by Docker.
stop_pods() {
    command -v docker >/dev/null && timeout 20 docker info >/dev/null 2>&1 || return 0
    timeout 60 docker ps -aq --no-trunc --filter label=io.kubernetes.docker.type=podsandbox >"$KN_TMP/sandboxes"
    while read -r kn_sandbox; do
        kn_cri_call StopPodSandbox "$kn_sandbox" >>"$KN_TMP/log" 2>&1 || :
        kn_cri_call RemovePodSandbox "$kn_sandbox" >>"$KN_TMP/log" 2>&1 || :
    done <"$KN_TMP/sandboxes"
    timeout 60 docker ps -aq --filter label=io.kubernetes.pod.uid >"$KN_TMP/containers"
    # shellcheck disable=SC2046 # one id a line
    [ ! -s "$KN_TMP/containers" ] || kn_run 120 docker rm -fv $(cat "$KN_TMP/containers")
    [ ! -s "$KN_TMP/sandboxes" ] || kn_say "stopped $(wc -l <"$KN_TMP/sandboxes") pods that were left"
}

kn_main kubelet "$@"
