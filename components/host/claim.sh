#!/bin/sh
# The claim of a host: preflight before anything is written, the toolkit, and the word whose host this is.
#
# Owns /usr/local/lib/kubenode and /var/lib/kubenode/claim. Its removal is the last thing a destroy does on a host; it
# sweeps every part that the host's own record still lists, also one that a killed create never told the state about.
set -eu
. "${0%/*}/lib.sh"

KN_LIB=/usr/local/lib/kubenode
KN_PARTS="claim prepare docker calico credentials kubelet kube-proxy verify"

kn_part_apply() {
    # An update is for the machine that was claimed: another one at the node's address must not take its place.
    if [ -n "${KN_CLAIMED:-}" ] || [ -e "$KN_RECORD/claim" ]; then
        kn_demand_claim
    fi
    preflight
    (umask 077 && mkdir -p "$KN_RECORD")
    chmod 0700 "$KN_RECORD"
    # The toolkit first: what is cut off from here on can be released with it.
    mkdir -p "$KN_LIB"
    kn_done=unchanged
    for kn_script in lib.sh $KN_PARTS; do
        cmp -s "${0%/*}/$kn_script" "$KN_LIB/$kn_script" &&
            [ "$(stat -c '0%a %U:%G' "$KN_LIB/$kn_script")" = "0755 root:root" ] && continue
        cp "${0%/*}/$kn_script" "$KN_LIB/.$kn_script.new"
        chmod 0755 "$KN_LIB/.$kn_script.new"
        mv -f "$KN_LIB/.$kn_script.new" "$KN_LIB/$kn_script"
        kn_done=installed
    done
    if [ ! -e "$KN_RECORD/claim" ]; then
        printf 'stack %s\nnode %s\nsince %s\n' "$KN_CLAIM" "$KN_NODE" "$(date -u +%FT%TZ)" >"$KN_RECORD/claim.new"
        sync "$KN_RECORD/claim.new"
        mv "$KN_RECORD/claim.new" "$KN_RECORD/claim"
        kn_say "claimed for $(kn_claim_text)"
    fi
    # shellcheck disable=SC2086 # names of scripts are words
    (cd "$KN_LIB" && sha256sum lib.sh $KN_PARTS) >"$KN_RECORD/toolkit.new"
    mv -f "$KN_RECORD/toolkit.new" "$KN_RECORD/toolkit"
    move_strangers_aside
    kn_say "toolkit $(kn_setting toolkit) $kn_done"
}

# move_strangers_aside: a re-apply's answer to files that somebody put beside the toolkit.
move_strangers_aside() {
    KN_R=$KN_RECORD
    kn_is_reapply || return 0
    # shellcheck disable=SC2086
    kn_strangers "$KN_LIB" lib.sh $KN_PARTS >"$KN_TMP/strangers"
    kn_move_aside aside
    kn_setting reapply >"$KN_RECORD/reapplied"
}

# preflight: everything that would stop a later part, all at once. Writes nothing.
preflight() {
    : >"$KN_TMP/problems"
    kn_wanted=$(kn_setting os-family debian)
    if [ -z "$KN_FAMILY" ]; then
        problem "the system is $(kn_os PRETTY_NAME) (ID $(kn_os ID)), which is not supported. Supported are debian (Debian, Ubuntu and systems that name them in ID_LIKE of /etc/os-release) and redhat (Fedora, RHEL and systems that name them there)"
    elif [ "$KN_FAMILY" != "$kn_wanted" ]; then
        problem "the system is $(kn_os PRETTY_NAME), of the family $KN_FAMILY, the configuration says $kn_wanted: set host.osFamily to $KN_FAMILY"
    fi
    [ -d /run/systemd/system ] || problem "systemd does not run here; kubenode needs it"
    for kn_command in awk sed tar gzip base64 flock timeout sha256sum cmp comm find systemctl journalctl $(preflight_family); do
        command -v "$kn_command" >/dev/null || problem "the command $kn_command is missing"
    done
    kn_arch=$(kn_setting architecture)
    case $(uname -m) in
    x86_64) kn_found=amd64 ;;
    aarch64) kn_found=arm64 ;;
    *) kn_found=$(uname -m) ;;
    esac
    [ -z "$kn_arch" ] || [ "$kn_found" = "$kn_arch" ] ||
        problem "the machine is $kn_found, the configuration says $kn_arch"
    # Images and containers may have a disk of their own.
    for kn_dir in /var/lib $(kn_setting data-root); do
        kn_place=$kn_dir
        while [ ! -e "$kn_place" ]; do kn_place=$(dirname "$kn_place"); done
        [ -d "$kn_place" ] || problem "$kn_place is no folder, so $kn_dir cannot be made"
        kn_free=$(df -Pk "$kn_place" | awk 'NR == 2 { print int($4 / 1024) }')
        [ "$kn_free" -ge "$(kn_setting disk-free-megabytes 2048)" ] ||
            problem "$kn_dir has $kn_free MiB free, needs $(kn_setting disk-free-megabytes 2048): make room, or set host.diskFreeMegabytes"
    done
    [ -s /etc/machine-id ] || problem "/etc/machine-id is missing or empty: run 'systemd-machine-id-setup'"
    kn_clock=$(kn_clock_skew)
    [ -z "$kn_clock" ] || problem "$kn_clock"
    if [ "$(kn_setting swap refuse)" = refuse ] && [ "$(wc -l </proc/swaps)" -gt 1 ]; then
        problem "swap is on ($(awk 'NR == 2 { print $1 }' /proc/swaps)): turn it off for good, or set host.swap to allow"
    fi
    if [ ! -e "$KN_RECORD/claim" ]; then preflight_bare; fi
    [ ! -s "$KN_TMP/problems" ] ||
        kn_die "this host cannot become a node as it is. Nothing was written.
$(cat "$KN_TMP/problems")"
}

# preflight_bare: of a host that is not ours yet. Something else's kubelet would be broken by us, and then by our undo.
preflight_bare() {
    for kn_unit in kubelet kube-proxy k3s k3s-agent rke2-agent k0sworker; do
        ! systemctl is-active -q "$kn_unit" || problem "the unit $kn_unit runs: this machine is a node already. Take it out of its cluster first"
    done
    for kn_dir in /etc/kubernetes /var/lib/kubelet; do
        kn_found=$(find "$kn_dir" -mindepth 1 -maxdepth 1 2>/dev/null | sed 's|.*/||' | LC_ALL=C sort |
            awk 'NR < 4 { printf "%s%s", sep, $0; sep = " " } NR == 4 { printf " …" }')
        [ -z "$kn_found" ] ||
            problem "$kn_dir is not empty ($kn_found): another installation left it, or somebody put it there. Move it away, or clean up, for example with 'kubeadm reset'"
    done
    kn_way=$(kn_docker_in_the_way "$(kn_setting docker-source distribution)" "$(kn_setting docker-package)")
    [ -z "$kn_way" ] || problem "$kn_way"
    for kn_port in 10248 10249 10250 10256; do
        ! listening "$kn_port" || problem "port $kn_port is taken; kubelet and kube-proxy need it: 'ss -ltnp' on the host says who has it"
    done
}

# preflight_family: the package tools of the host's family.
preflight_family() {
    case $KN_FAMILY in
    debian) printf 'dpkg-query apt-get' ;;
    redhat) printf 'rpm dnf' ;;
    esac
}

listening() { cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v p="$(printf ':%04X' "$1")\$" '$4 == "0A" && $2 ~ p { f = 1 } END { exit !f }'; }

problem() { printf -- '- %s\n' "$*" >>"$KN_TMP/problems"; }

kn_part_remove() {
    if [ ! -e "$KN_RECORD/claim" ]; then
        kn_say "no claim on this host: nothing of ours is here"
        # But for what a claim, or a release, that was cut off left.
        rm -rf "$KN_RECORD/claim.new" "$KN_LIB"
        [ ! -d "$KN_RECORD" ] || rmdir "$KN_RECORD" 2>/dev/null || :
        return
    fi
    if ! kn_claim_is_ours; then
        # A claim of ours that was refused has left nothing, and a destroy must not fail over it for ever.
        kn_say "this host is claimed by $(kn_claim_text), not by us: nothing of ours is here"
        return
    fi
    kn_sweep kube-proxy kubelet credentials calico docker prepare
    find "$KN_RECORD" -mindepth 1 -maxdepth 1 ! -name claim -exec rm -rf {} +
    # A release that was cut off before this line is repeated as a whole; after it, only the toolkit is left.
    rm -f "$KN_RECORD/claim"
    rmdir "$KN_RECORD"
    rm -rf "$KN_LIB"
    kn_say "claim released"
}

kn_part_check() {
    kn_demand_claim
    : >"$KN_TMP/findings"
    check_toolkit
    kn_tell_findings
}

# recorded_sum SCRIPT: in $kn_sum, as it was installed; empty if the record does not say.
recorded_sum() { kn_sum=$(sed -n "s/  $1\$//p" "$KN_RECORD/toolkit" 2>/dev/null || :); }

# is_as_installed SCRIPT: of one that the record does not know, nothing can be told.
is_as_installed() {
    recorded_sum "$1"
    kn_found=$(kn_stat "$KN_LIB/$1")
    [ "$kn_found" != nothing ] && [ "${kn_found%% *}" = "${kn_sum:-${kn_found%% *}}" ]
}

check_toolkit() {
    for kn_script in lib.sh $KN_PARTS; do
        recorded_sum "$kn_script"
        kn_found=$(kn_stat "$KN_LIB/$kn_script")
        kn_wanted="0755 root:root${kn_sum:+ sha256 $kn_sum}"
        [ "$kn_found" = nothing ] || kn_found="${kn_found#* }${kn_sum:+ sha256 ${kn_found%% *}}"
        [ "$kn_found" = "$kn_wanted" ] || kn_differs "$KN_LIB/$kn_script" "$kn_wanted" "$kn_found"
    done
    # shellcheck disable=SC2086 # names of scripts are words
    kn_strangers "$KN_LIB" lib.sh $KN_PARTS >"$KN_TMP/strangers"
    while IFS= read -r kn_path; do kn_differs "$kn_path" "no such file" "a file that is not ours"; done <"$KN_TMP/strangers"
}

# kn_part_audit: the check of the claim and of every part that the record lists, under one lock, as lines of words between
# tabs; the last line says which parts were checked. A part whose script is gone or edited is not among them.
kn_part_audit() {
    : >"$KN_TMP/findings"
    kn_checked=claim
    kn_wanted="stack $KN_CLAIM as node $KN_NODE"
    if [ ! -e "$KN_RECORD/claim" ]; then
        kn_differs claim "$kn_wanted" nothing
    elif ! kn_claim_is_ours; then
        kn_differs claim "$kn_wanted" "$(kn_claim_text)"
    else
        check_toolkit
        for kn_part in $KN_PARTS; do
            { [ -d "$KN_RECORD/parts/$kn_part" ] && is_as_installed "$kn_part"; } || continue
            KN_LOCK_HELD=1 KN_FINDINGS=$KN_TMP/findings sh "$KN_LIB/$kn_part" check <"$KN_TMP/bundle" \
                >>"$KN_TMP/log" 2>>"$KN_TMP/die" || kn_die "the check of $kn_part failed"
            kn_checked="$kn_checked $kn_part"
        done
    fi
    # More than a person reads, and bounded all the same.
    sed -n '1,1000s/^/finding\t/p' "$KN_TMP/findings"
    printf 'checked\t%s\n' "$kn_checked"
}

kn_main claim "$@"
