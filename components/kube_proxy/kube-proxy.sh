#!/bin/sh
# kube-proxy: binary, configuration, unit; and, when it goes, its rules.
set -eu
. "${0%/*}/lib.sh"

kn_part_apply() {
    kn_fetch_artifacts
    kn_note_tables
    kn_note_logs
    kn_own_folder /etc/systemd/system/kube-proxy.service.d
    kn_put_files
    kn_put_artifacts
    kn_drop_stale
    ! kn_changed kube-proxy.service || kn_daemon_reload
    # Its kubeconfig belongs to the credentials; a new certificate or token in it asks for a restart here.
    kn_mark=$(kn_setting certificate "$(kn_setting token)")
    [ "$kn_mark" = "$(cat "$KN_R/certificate" 2>/dev/null)" ] || KN_CHANGED="${KN_CHANGED}certificate "
    kn_start kube-proxy.service "$(kn_setting healthy-timeout-seconds 120)" proxy_healthy \
        kube-proxy kube-proxy.yaml kube-proxy.service certificate
    printf '%s' "$kn_mark" >"$KN_R/certificate"
    [ "$(kn_setting mode)" = ipvs ] || drop_ipvs
}

# drop_ipvs: from iptables to nftables and back kube-proxy takes its old rules away when it starts. What ipvs leaves, it
# takes away on the way to nftables alone: an interface with the address of every service, and the virtual servers.
drop_ipvs() {
    [ -d /sys/class/net/kube-ipvs0 ] || return 0
    kn_try 20 ip link delete kube-ipvs0 || :
    ! command -v ipvsadm >/dev/null || kn_try 20 ipvsadm --clear || :
    kn_say "removed what the mode ipvs had left"
}

# In the mode that its file, or its flag, asks for: after a rollback that is not the bundle's.
proxy_healthy() {
    kn_mode=$(sed -n 's/^mode: //p' /etc/kubernetes/kube-proxy.yaml 2>/dev/null || :)
    [ -n "$kn_mode" ] || kn_mode=$(
        sed -n 's/.*--proxy-mode=\([a-z]*\).*/\1/p' /etc/systemd/system/kube-proxy.service 2>/dev/null || :
    )
    [ "$(curl -fsS -m 5 http://127.0.0.1:10249/proxyMode 2>/dev/null)" = "${kn_mode:-$(kn_setting mode)}" ] &&
        curl -fsS -m 5 -o /dev/null http://127.0.0.1:10256/healthz 2>/dev/null
}

kn_part_remove() {
    kn_restore_units
    kn_stop kube-proxy.service
    [ ! -x /usr/local/bin/kube-proxy ] || kn_try 60 /usr/local/bin/kube-proxy --cleanup || :
    kn_restore_files
    kn_drop_noted
    kn_try 60 systemctl daemon-reload || :
    kn_delete_proxy_rules
}

kn_main kube-proxy "$@"
