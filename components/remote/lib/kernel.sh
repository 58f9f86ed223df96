# shellcheck shell=sh
# Kernel settings and modules.
#
# Owns sysctls of the record: "KEY PRIOR OURS" for each that we, or what we start, sets.

kn_sysctl_path() { printf '/proc/sys/%s' "$(printf '%s' "$1" | tr . /)"; }

kn_sysctl_get() { tr '\t' ' ' <"$(kn_sysctl_path "$1")" 2>/dev/null; }

# kn_module_there MODULE: loaded, or built into the kernel, as far as that can be seen.
kn_module_there() {
    case $1 in
    br_netfilter) [ -d /proc/sys/net/bridge ] ;;
    overlay) grep -qw overlay /proc/filesystems ;;
    nf_conntrack) [ -d /proc/sys/net/netfilter ] ;;
    # Built in, it has no folder of its own.
    nf_tables) [ -d /sys/module/nf_tables ] || nft list tables >/dev/null 2>&1 ;;
    ipip) [ -d /sys/module/ipip ] || [ -d /sys/class/net/tunl0 ] ;;
    *) [ -d "/sys/module/$(printf '%s' "$1" | tr - _)" ] ;;
    esac
}

# kn_note_sysctl KEY OURS: remember the value from before, once, and each that we, or what we start, gave it since.
kn_note_sysctl() {
    [ -e "$(kn_sysctl_path "$1")" ] || return 0
    kn_noted=$(grep -m 1 "^$1	" "$KN_R/sysctls" 2>/dev/null || printf '%s\t%s\t' "$1" "$(kn_sysctl_get "$1")")
    kn_noted=${kn_noted%	*}
    grep -qxF "$kn_noted	$2" "$KN_R/sysctls" 2>/dev/null || printf '%s\t%s\n' "$kn_noted" "$2" >>"$KN_R/sysctls"
}

# kn_restore_sysctls: a value that is still ours (or "*": whatever it became) goes back to what it was.
kn_restore_sysctls() {
    [ -e "$KN_R/sysctls" ] || return 0
    cut -f1,2 "$KN_R/sysctls" | sort -u | while IFS='	' read -r kn_key kn_prior; do
        [ -e "$(kn_sysctl_path "$kn_key")" ] || continue
        kn_present=$(kn_sysctl_get "$kn_key" || :)
        [ "$kn_present" != "$kn_prior" ] || continue
        if printf '%s\t%s\t%s\n' "$kn_key" "$kn_prior" "$kn_present" "$kn_key" "$kn_prior" '*' | grep -qxF -f - "$KN_R/sysctls"; then
            printf '%s\n' "$kn_prior" >"$(kn_sysctl_path "$kn_key")" 2>>"$KN_TMP/log" || kn_say "could not set $kn_key back to $kn_prior"
        else
            kn_say "$kn_key is $kn_present by now, not ours: it stays"
        fi
    done
}
