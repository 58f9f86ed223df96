#!/bin/sh
# What every node needs of its host: packages, kernel modules, kernel settings.
set -eu
. "${0%/*}/lib.sh"

kn_part_apply() {
    kn_own_folder /etc/kubenode
    # The proxy is among the files, and packages come through it.
    kn_put_files
    kn_drop_stale
    kn_package_mirror "$(kn_setting package-mirror)" "$(kn_setting security-mirror)"
    # shellcheck disable=SC2046 # one package a line
    kn_install $(kn_settings package)
    # The claim could not compare clocks on a host that had no curl.
    kn_clock=
    ! kn_changed packages || kn_clock=$(kn_clock_skew)
    [ -z "$kn_clock" ] || kn_die "$kn_clock"
    kn_settings module | while read -r kn_module; do
        # One that is built into the kernel cannot be loaded, and does not need to be.
        kn_try 30 modprobe "$kn_module" || kn_module_there "$kn_module" ||
            kn_die "the kernel module $kn_module cannot be loaded: $(tail -n 1 "$KN_TMP/log")$(for_what "$kn_module")"
        ! kn_module_there "$kn_module" || kn_expect module "$kn_module"
    done
    # What kubelet, kube-proxy and Docker set by themselves is noted too, so that it goes back in the end.
    kn_settings foreign-sysctl | while read -r kn_key kn_value; do kn_note_sysctl "$kn_key" "$kn_value"; done
    kn_settings sysctl | while read -r kn_key kn_value; do
        [ -e "$(kn_sysctl_path "$kn_key")" ] || kn_die "this kernel has no setting $kn_key"
        kn_note_sysctl "$kn_key" "$kn_value"
        kn_expect sysctl "$kn_key" "$kn_value"
        [ "$(kn_sysctl_get "$kn_key")" = "$kn_value" ] && continue
        printf '%s\n' "$kn_value" >"$(kn_sysctl_path "$kn_key")" || kn_die "cannot set $kn_key to $kn_value"
        kn_say "set $kn_key to $kn_value"
    done
}

kn_part_remove() {
    kn_restore_sysctls
    kn_purge
}

# for_what MODULE: what of the configuration needs it, and what does without.
for_what() {
    case $1 in
    ip_vs*) printf '; kubeProxy.mode ipvs needs it: set nftables or iptables' ;;
    nf_tables) printf '; kubeProxy.mode nftables needs it: set iptables' ;;
    esac
}

kn_main prepare "$@"
