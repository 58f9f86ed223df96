#!/bin/sh
# The kubelet: binary, configuration, unit; and, when it goes, everything that its pods left on the host.
set -eu
. "${0%/*}/lib.sh"
PLUGIN_DIR=/usr/libexec/kubernetes
# Given by the stack; else the kubelet keeps its own below /var/lib/kubelet/pki.
SERVING_CERTIFICATE=/etc/kubernetes/ssl/kubelet-server.pem
CLIENT_CERTIFICATE=/var/lib/kubelet/pki/kubelet-client-current.pem
KUBECONFIG=/etc/kubernetes/kubelet.kubeconfig
BOOTSTRAP=/etc/kubernetes/bootstrap.kubeconfig
WATCH=/etc/systemd/system/kubenode-bootstrap

kn_part_apply() {
    demand_identity
    kn_fetch_artifacts
    kn_note_tables
    kn_note_dirs /var/lib/kubelet /var/log/pods /var/log/containers "$PLUGIN_DIR"
    mkdir -p /var/lib/kubelet
    note_root
    kn_note_logs
    kn_own_folder /etc/systemd/system/kubelet.service.d
    kn_put_files
    kn_put_artifacts
    kn_drop_stale
    ! kn_changed kubelet.service || kn_daemon_reload
    # Certificates that it is given belong to the credentials; new ones ask for a restart here.
    [ "$(kn_setting certificates)" = "$(cat "$KN_R/certificates" 2>/dev/null)" ] || KN_CHANGED="${KN_CHANGED}certificates "
    ! is_to_heal || heal
    # With the token that it was given for it, the kubelet writes the lost one anew when it starts.
    ! has_lost_identity || KN_CHANGED="${KN_CHANGED}registration "
    ! kubelet_is_unregistered || KN_CHANGED="${KN_CHANGED}registration "
    kn_start kubelet.service "$(kn_setting healthy-timeout-seconds 180)" kubelet_healthy \
        kubelet kubelet.yaml kubelet.service registration certificates
    rm -f "$KN_R/certificates"
    [ -z "$(kn_setting certificates)" ] || kn_setting certificates >"$KN_R/certificates"
    if is_waiting; then
        kn_say "the kubelet runs and waits for somebody to approve its request"
        rm -f "$KN_R/joined"
        keep_own_closed
        drop_token_later
        return
    fi
    # Joined: the token has done its work.
    [ -z "$(kn_setting heal)" ] || kn_setting heal >"$KN_R/healed"
    stop_watch
    rm -f "$BOOTSTRAP"
    # Of the other way to a certificate nothing is left.
    if is_issued; then
        : >"$KN_R/issued"
        rm -f /var/lib/kubelet/pki/kubelet-client-* "$KN_R/joined"
    else
        refer_to_own_certificate
        : >"$KN_R/joined"
        rm -f "$KN_R/issued"
    fi
    [ ! -e "$SERVING_CERTIFICATE" ] || rm -f /var/lib/kubelet/pki/kubelet-server-*
    keep_own_closed there
}

# keep_own_closed [there]: what the kubelet writes itself. A kubeconfig that it is given is the credentials' file.
keep_own_closed() {
    if ! is_issued; then
        kn_keep_closed "$KUBECONFIG" "$@"
        kn_keep_closed "$CLIENT_CERTIFICATE" "$@"
    fi
    kn_keep_closed "/var/lib/kubelet/pki/*.pem"
    kn_keep_closed "/var/lib/kubelet/pki/*.key"
}

# note_root: the flag --root-dir moves what pods have on the host to another folder, and the kubelet makes that with its
# parents.
note_root() {
    kn_root=$(kn_setting root-dir)
    [ -n "$kn_root" ] || return 0
    kn_note_dirs "$kn_root"
    kn_parent=${kn_root%/*}
    while [ -n "$kn_parent" ] && [ ! -d "$kn_parent" ]; do
        printf '%s\n' "$kn_parent" >>"$KN_R/parents-made"
        kn_parent=${kn_parent%/*}
    done
    mkdir -p "$kn_root"
}

# is_issued: whether the kubelet is given its client certificate, else it asks for one; after a rollback by the unit of
# before.
is_issued() {
    ! grep -qs -e '--bootstrap-kubeconfig=' /etc/systemd/system/kubelet.service &&
        { [ "$(kn_setting client)" = issued ] || [ -e "$KN_R/issued" ]; }
}

# has_lost_identity: what a kubelet has joined with. One that runs goes on without, and does not start again. One that joins
# just now has its kubeconfig before its certificate; if the record was lost too, only a re-apply tells it from that one.
has_lost_identity() {
    ! is_issued || return 1
    if [ -e "$CLIENT_CERTIFICATE" ]; then
        kn_lost=$KUBECONFIG
        [ ! -e "$KUBECONFIG" ]
        return
    fi
    kn_lost=$CLIENT_CERTIFICATE
    [ -e "$KN_R/joined" ] || { kn_is_reapply && [ -e "$KUBECONFIG" ]; }
}

demand_identity() {
    ! has_lost_identity || [ -e "$BOOTSTRAP" ] ||
        kn_die "$kn_lost is gone, and without it the kubelet could not start again. Nothing was changed. Next: make reconcile NODE=$KN_NODE, which lets it join anew"
}

# is_waiting: whether the kubelet has no certificate yet and nobody here is to do anything about it.
is_waiting() { [ "$(kn_setting approval)" = manual ] && ! is_issued && [ ! -e "$CLIENT_CERTIFICATE" ]; }

# drop_token_later: nobody is here when the certificate comes, and the token may be one that has no end. So systemd waits
# for it, over boots too; its service takes the token, and itself, away. The link goes before the files: whatever cuts it
# off, either it runs again at the next boot or nothing of it is left that could.
drop_token_later() {
    : >"$KN_R/watch"
    cat >"$WATCH.path" <<END
[Unit]
Description=Waits for the kubelet's client certificate

[Path]
PathExists=$CLIENT_CERTIFICATE

[Install]
WantedBy=multi-user.target
END
    cat >"$WATCH.service" <<END
[Unit]
Description=Removes the kubelet's bootstrap token, which has done its work

[Service]
Type=oneshot
ExecStart=/bin/rm -f $BOOTSTRAP
ExecStart=/bin/systemctl disable ${WATCH##*/}.path
ExecStart=/bin/systemctl stop ${WATCH##*/}.path
ExecStart=/bin/rm -f $WATCH.path $WATCH.service
END
    kn_daemon_reload
    { kn_try 60 systemctl enable "${WATCH##*/}.path" && kn_try 60 systemctl start "${WATCH##*/}.path"; } ||
        kn_say "the token stays in $BOOTSTRAP until the kubelet's part next runs"
}

stop_watch() {
    [ -e "$KN_R/watch" ] || return 0
    kn_try 60 systemctl stop "${WATCH##*/}.path" || :
    kn_try 60 systemctl disable "${WATCH##*/}.path" || :
    rm -f "$WATCH.path" "$WATCH.service"
    kn_try 60 systemctl daemon-reload || :
    rm -f "$KN_R/watch"
}

# A kubelet that still waits for its client certificate answers too, so this waits for the approval itself; and for the
# API server's yes to a certificate that was given.
kubelet_healthy() {
    [ "$(curl -fsS -m 5 http://127.0.0.1:10248/healthz 2>/dev/null)" = ok ] || return 1
    if is_issued; then [ "$(own_node)" = 200 ]; else [ -e "$CLIENT_CERTIFICATE" ] || is_waiting; fi
}

# is_to_heal: whether the API server has not heard of this kubelet, and nothing was done about that yet.
is_to_heal() { [ "$(kn_setting heal)" != "$(cat "$KN_R/healed" 2>/dev/null)" ] && [ -n "$(kn_setting heal)" ]; }

# A certificate that the API server does not take, or that nobody can read, goes with the kubeconfig that names it: the
# kubelet then asks for another with its token. One that is good stays. One that waits for its first goes on waiting.
heal() {
    if ! is_issued; then
        [ -e "$CLIENT_CERTIFICATE" ] || [ -L "$CLIENT_CERTIFICATE" ] || return 0
        if certificate_is_refused; then
            rm -f /var/lib/kubelet/pki/kubelet-client-* "$KUBECONFIG"
            kn_say "the API server does not take the kubelet's client certificate: removed, another is asked for"
        fi
    fi
    KN_CHANGED="${KN_CHANGED}registration "
}

# certificate_is_refused: also by curl itself, which then ends with 58. An API server that does not answer refuses nothing.
certificate_is_refused() {
    kn_code=0
    kn_status=$(own_node) || kn_code=$?
    [ "$kn_status" = 401 ] || [ "$kn_code" = 58 ]
}

# own_node: the status with which the API server answers the kubelet's certificate when asked for its Node, which is then
# in $KN_TMP/node. No answer is a failure.
own_node() {
    kn_certificate=$CLIENT_CERTIFICATE
    if is_issued; then
        kn_certificate=$KN_TMP/client.pem
        (umask 077 && sed -n 's/^ *client-\(certificate\|key\)-data: //p' "$KUBECONFIG" | while read -r kn_part; do
            printf '%s' "$kn_part" | base64 -d
            echo
        done >"$kn_certificate") 2>>"$KN_TMP/log"
    fi
    kn_server=$(sed -n 's/^ *server: *//p' "$KUBECONFIG" "$BOOTSTRAP" 2>/dev/null | sed -n 1p)
    curl -sS -m 10 --noproxy '*' --cacert /etc/kubernetes/ssl/ca.pem --cert "$kn_certificate" \
        -o "$KN_TMP/node" -w '%{http_code}' "$kn_server/api/v1/nodes/$KN_NODE" 2>>"$KN_TMP/log"
}

# refer_to_own_certificate: a kubelet that was given a certificate asked for one of its own with it, at once. From its next
# start on it is to use that one.
refer_to_own_certificate() {
    grep -qs 'client-key-data: ' "$KUBECONFIG" || return 0
    (umask 077 && sed "s|client-certificate-data: .*|client-certificate: $CLIENT_CERTIFICATE|
        s|client-key-data: .*|client-key: $CLIENT_CERTIFICATE|" "$KUBECONFIG" >"$KUBECONFIG.kubenode-new")
    mv -fT "$KUBECONFIG.kubenode-new" "$KUBECONFIG"
}

# A kubelet registers when it starts, and only then. If its Node was deleted since and made anew, by us or by somebody
# else, the new one lacks what registration writes, for example the label that pods are spread by. No answer is no reason.
kubelet_is_unregistered() {
    is_issued || [ -e "$CLIENT_CERTIFICATE" ] || return 1
    systemctl is-active -q kubelet.service || return 1
    kn_status=$(own_node) || return 1
    case $kn_status in
    404) ;;
    200) ! grep -q '"kubernetes.io/hostname":' "$KN_TMP/node" || return 1 ;;
    *) return 1 ;;
    esac
    kn_say "the Node is not one that this kubelet registered"
}

kn_part_remove() {
    kn_restore_units
    stop_watch
    kn_stop kubelet.service
    stop_pods
    kn_drop_noted
    [ ! -e "$KN_R/parents-made" ] || while read -r kn_dir; do rmdir "$kn_dir" 2>/dev/null || :; done <"$KN_R/parents-made"
    rm -f "$KUBECONFIG"
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
    [ ! -s "$KN_TMP/sandboxes" ] || kn_say "stopped pods that were left: $(wc -l <"$KN_TMP/sandboxes")"
}

kn_main kubelet "$@"
