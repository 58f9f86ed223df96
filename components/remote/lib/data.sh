# shellcheck shell=sh
# Data folders: emptied or deleted if they came with us.
#
# Owns dirs-before of the record.

# kn_empty_dir DIR: its content, never across a file system, and not while anything is mounted below it. A link to the
# place where the data really is stays a link.
kn_empty_dir() {
    [ -d "$1" ] || return 0
    kn_real=$(readlink -f "$1")
    kn_unmount_below "$kn_real"
    ! awk -v d="$kn_real/" 'index($2, d) == 1 { f = 1 } END { exit !f }' /proc/self/mounts ||
        kn_die "something is still mounted below $1; unmount it and try again. Nothing in it was deleted."
    find "$kn_real" -xdev -mindepth 1 -delete
}

# kn_unmount_below DIR: the deepest first; what does not go is left to the caller.
kn_unmount_below() {
    awk -v d="$1/" 'index($2, d) == 1 { print $2 }' /proc/self/mounts | sort -r >"$KN_TMP/mounts"
    while read -r kn_mount; do kn_try 30 umount "$kn_mount" || kn_try 30 umount -l "$kn_mount" || :; done <"$KN_TMP/mounts"
}

# kn_note_dirs DIR...: which of them there were before this part, and how; an earlier part of ours may have noted the
# same one before it put something there. kn_drop_dir DIR: what came since goes.
kn_note_dirs() {
    for kn_dir in "$@"; do
        ! grep -q " $kn_dir\$" "$KN_R/dirs-before" 2>/dev/null || continue
        kn_noted=$(grep -hs " $kn_dir\$" "$KN_RECORD"/parts/*/dirs-before | sed -n 1p || :)
        if [ -n "$kn_noted" ]; then
            printf '%s\n' "$kn_noted"
        elif [ ! -d "$kn_dir" ]; then
            printf 'none - - %s\n' "$kn_dir"
        elif [ -z "$(ls -A "$kn_dir")" ]; then
            printf 'empty %s %s\n' "$(stat -Lc '0%a %U:%G' "$kn_dir")" "$kn_dir"
        else
            printf 'data - - %s\n' "$kn_dir"
        fi >>"$KN_R/dirs-before"
    done
}

# kn_note_logs: the flag --log-dir names a folder that the program does not make itself.
kn_note_logs() {
    kn_logs=$(kn_setting log-dir)
    [ -n "$kn_logs" ] || return 0
    kn_note_dirs "$kn_logs"
    mkdir -p "$kn_logs"
}

# kn_drop_noted: all folders that were ever noted, for a flag may have named another one before.
kn_drop_noted() {
    cut -d ' ' -f 4- "$KN_R/dirs-before" >"$KN_TMP/dirs" 2>/dev/null || :
    while read -r kn_dir; do kn_drop_dir "$kn_dir"; done <"$KN_TMP/dirs"
}

kn_drop_dir() {
    [ -d "$1" ] || return 0
    kn_before=$(grep " $1\$" "$KN_R/dirs-before" 2>/dev/null || :)
    case $kn_before in
    none*)
        kn_empty_dir "$1"
        # A file system of its own that was mounted there meanwhile keeps its mount point.
        rmdir "$1" 2>/dev/null || kn_say "$1 is a mount point and stays, empty"
        ;;
    empty*)
        kn_empty_dir "$1"
        printf '%s\n' "$kn_before" | while read -r _ kn_mode kn_owner _; do
            chmod "$kn_mode" "$1"
            chown "$kn_owner" "$1"
        done
        ;;
    *) kn_say "$1 held data before us and stays" ;;
    esac
}
