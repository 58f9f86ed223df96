#!/bin/sh
# The host's side of the pod network: the CNI directories and the standard plugins, and what Calico left on the host.
#
# Owns the files it put there, and the traces that Calico's pods make: its CNI configuration and programs, its links,
# routes, packet filter rules and folders. Of these it removes what came after this part; a configuration, plugin or link
# of somebody else stays where it is.
#
# In the record: calico-before, what of Calico's was there before this part, one thing a line.
set -eu
. "${0%/*}/lib.sh"

CONF=/etc/cni/net.d
BIN=/opt/cni/bin
# What the programs of Calico's pods write. The plugins are those that its installer brings.
CONF_FILES="10-calico.conflist calico-kubeconfig calico-tls"
BIN_FILES="calico calico-ipam bandwidth flannel host-local loopback portmap tuning"
FOLDERS="/var/lib/calico /var/log/calico /run/calico /run/nodeagent"

kn_part_apply() {
    kn_fetch_artifacts
    note_before
    kn_note_dirs /var/lib/cni
    kn_mkdir "$BIN"
    kn_mkdir "$CONF"
    kn_put_files
    kn_put_artifacts
    kn_drop_stale
    [ -z "$(kn_setting pod-cidr)" ] || report_neighbours
}

# note_before: once. A host that has this part already runs Calico by now, and had none of it before.
note_before() {
    [ ! -e "$KN_R/calico-before" ] || return 0
    : >"$KN_TMP/before"
    if [ ! -e "$KN_R/owned" ]; then
        kn_note_tables
        # shellcheck disable=SC2086 # names of folders are words
        kn_note_dirs $FOLDERS
        traces >"$KN_TMP/before"
        [ -z "$(kn_setting pod-cidr)" ] || report_host "$(kn_setting pod-cidr)"
    else
        for kn_dir in $FOLDERS; do
            grep -qs " $kn_dir\$" "$KN_R/dirs-before" || printf 'none - - %s\n' "$kn_dir" >>"$KN_R/dirs-before"
        done
    fi
    cp "$KN_TMP/before" "$KN_R/calico-before.new"
    mv "$KN_R/calico-before.new" "$KN_R/calico-before"
}

# traces: everything of Calico's that is on this host now.
traces() {
    for kn_name in $CONF_FILES; do [ ! -e "$CONF/$kn_name" ] || printf 'path %s\n' "$CONF/$kn_name"; done
    for kn_name in $BIN_FILES; do [ ! -e "$BIN/$kn_name" ] || printf 'path %s\n' "$BIN/$kn_name"; done
    ip -o link 2>>"$KN_TMP/log" | awk -F ': ' '{ sub(/@.*/, "", $2); print $2 }' | while read -r kn_link; do
        case $kn_link in
        # The other end of a pod's link is called after a digest.
        cali[0-9a-f]*) [ "${#kn_link}" -ne 15 ] || printf 'link %s\n' "$kn_link" ;;
        calico_tmp_* | tunl0 | vxlan.calico | vxlan-v6.calico | wireguard.cali | wg-v6.cali) printf 'link %s\n' "$kn_link" ;;
        esac
    done
    for kn_tool in iptables ip6tables; do
        command -v "$kn_tool-save" >/dev/null || continue
        ! "$kn_tool-save" 2>>"$KN_TMP/log" | grep -q '^:cali-' || printf 'chains %s\n' "$kn_tool"
    done
    command -v nft >/dev/null && nft list tables 2>>"$KN_TMP/log" | sed -n 's/^table \(ip6\{0,1\} calico\)$/table \1/p'
    command -v ipset >/dev/null && ipset list -n 2>>"$KN_TMP/log" | sed -n 's/^cali[46]0.*/set &/p'
    return 0
}

# report_host POD-CIDR: what on a bare host the pod network will meet.
report_host() {
    ip -4 -o addr show to "$1" 2>>"$KN_TMP/log" | awk '{ print $2, $4 }' | while read -r kn_link kn_address; do
        kn_say "$kn_link has $kn_address, within the pods' range $1: packets for such pods stay on this host"
    done
    for kn_file in "$CONF"/*.conf "$CONF"/*.conflist "$CONF"/*.json; do
        [ -e "$kn_file" ] || continue
        if grep -q '"type" *: *"calico"' "$kn_file"; then
            kn_say "$kn_file is left from an earlier Calico: the kubelet takes the network for ready before Calico runs. Remove it"
        fi
    done
}

# report_neighbours: whoever takes packets or plugins away from Calico, by name.
report_neighbours() {
    for kn_unit in firewalld ufw; do
        systemctl is-active -q "$kn_unit.service" 2>/dev/null || continue
        # ufw's unit is active also where it is switched off.
        [ "$kn_unit" != ufw ] || grep -qs '^ENABLED=yes' /etc/ufw/ufw.conf || continue
        kn_say "$kn_unit runs here and writes packet filter rules of its own, which may drop what pods send: 'systemctl disable --now $kn_unit', or have it let through $(kn_setting firewall) between the nodes"
    done
    for kn_file in "$CONF"/*.conf "$CONF"/*.conflist "$CONF"/*.json; do
        case $kn_file in */10-calico.conflist) continue ;; esac
        [ -e "$kn_file" ] || continue
        ! grep -qs " $kn_file\$" "$KN_TMP/owned" || continue
        ! grep -q '"type" *: *"calico"' "$kn_file" || continue
        kn_say "$kn_file is of another pod network: the first by name is used for new pods"
    done
}

kn_part_remove() {
    # The pods are gone by now; what the plugins noted of their addresses is of no use to anybody.
    kn_drop_dir /var/lib/cni
    [ -e "$KN_R/calico-before" ] || return 0
    traces >"$KN_TMP/traces"
    grep -vxF -f "$KN_R/calico-before" "$KN_TMP/traces" >"$KN_TMP/ours" || :
    remove_routes "$(kn_setting pod-cidr)"
    while read -r kn_kind kn_name kn_more; do
        case $kn_kind in
        path) owned_by_package "$kn_name" || rm -rf "$kn_name" ;;
        link) remove_link "$kn_name" ;;
        table) kn_try 20 nft delete table "$kn_name" "$kn_more" || : ;;
        esac
    done <"$KN_TMP/ours"
    ! grep -q '^chains ' "$KN_TMP/ours" || kn_delete_chains 'cali-.*'
    # The rules that used them are gone.
    sed -n 's/^set //p' "$KN_TMP/ours" | while read -r kn_name; do kn_try 20 ipset destroy "$kn_name" || :; done
    kn_delete_empty_tables
    for kn_dir in $FOLDERS; do kn_drop_dir "$kn_dir"; done
    [ ! -s "$KN_TMP/ours" ] || kn_say "removed what Calico left: $(cut -d' ' -f1 "$KN_TMP/ours" | sort | uniq -c | awk '{ printf "%s%s %s", s, $1, $2; s = ", " }')"
}

# owned_by_package PATH: a plugin that the distribution brought meanwhile, or that is ours to put back, is none of Calico's.
owned_by_package() {
    grep -qs " $1\$" "$KN_R/owned" || dpkg-query -S "$1" >/dev/null 2>&1 || rpm -qf "$1" >/dev/null 2>&1
}

remove_link() {
    ip link show dev "$1" >/dev/null 2>&1 || return 0
    case $1 in
    # It belongs to its module, and goes with it.
    tunl0)
        kn_try 20 ip addr flush dev tunl0 || :
        kn_try 20 ip link set tunl0 down || :
        kn_try 20 modprobe -r ipip || kn_say "tunl0 stays, down and without address: its module is built in or in use"
        ;;
    *) kn_try 20 ip link delete "$1" || kn_say "the link $1 could not be deleted: $(tail -n 1 "$KN_TMP/log")" ;;
    esac
}

# remove_routes POD-CIDR: to blocks of pods, by Felix and by its BIRD; somebody else's are outside the pods' range.
remove_routes() {
    [ -n "$1" ] || return 0
    for kn_protocol in 80 bird; do
        kn_try 20 ip -4 route flush root "$1" proto "$kn_protocol" || :
    done
}

kn_main calico "$@"
