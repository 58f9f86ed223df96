# shellcheck shell=sh
# Files of the bundle in their places, and out of them.
#
# Owns owned and dirs of the record, and who may read what services of ours write. Does not own copies (undo.sh) nor
# downloads (artifacts.sh).
KN_CLOSED="0600 root:root"

# kn_put NAME PATH MODE OWNER SOURCE: PATH gets the content of SOURCE if it differs in content, mode or owner.
# Adds NAME to KN_CHANGED then.
kn_put() {
    kn_new=$(sha256sum <"$5" | cut -d' ' -f1)
    printf '%s %s %s %s\n' "$kn_new" "$3" "$4" "$2" >>"$KN_TMP/owned"
    [ -L "$2" ] || [ "$(kn_stat "$2")" != "$kn_new $3 $4" ] || return 0
    [ ! -d "$2" ] || kn_die "$2 is a directory; a file belongs there. Move it away and try again."
    kn_keep "$KN_R/prior" "$2"
    kn_keep "$KN_R/undo" "$2"
    kn_mkdir "$(dirname "$2")"
    (umask 077 && cp "$5" "$2.kubenode-new")
    chown "$4" "$2.kubenode-new"
    chmod "$3" "$2.kubenode-new"
    sync "$2.kubenode-new"
    printf '%s %s\n' "$kn_new" "$2" >>"$KN_R/undo/new"
    mv -fT "$2.kubenode-new" "$2"
    KN_CHANGED="$KN_CHANGED$1 "
    kn_say "changed $2"
}

# kn_mkdir DIR [MODE]: with its parents; what did not exist is noted, and goes again when it is empty.
kn_mkdir() {
    [ ! -d "$1" ] || return 0
    kn_mkdir "$(dirname "$1")"
    grep -qxF "$1" "$KN_R/dirs" 2>/dev/null || printf '%s\n' "$1" >>"$KN_R/dirs"
    [ -d "$1" ] || mkdir -m "${2:-0755}" "$1"
}

# kn_put_files: every file of the bundle; a file of an earlier bundle that is not in this one is given back.
kn_put_files() {
    while read -r kn_word _ kn_name kn_fmode kn_fowner kn_fpath; do
        [ "$kn_word" = file ] || continue
        if [ -n "${KN_SKIP_FILE:-}" ] && [ "$kn_name" = "$KN_SKIP_FILE" ]; then continue; fi
        (umask 077 && kn_content "$kn_name" >"$KN_TMP/file")
        kn_put "$kn_name" "$kn_fpath" "$kn_fmode" "$kn_fowner" "$KN_TMP/file"
    done <"$KN_TMP/bundle"
    rm -f "$KN_TMP/file"
}

# kn_drop_stale: call after all kn_put of an apply.
kn_drop_stale() {
    [ -e "$KN_R/owned" ] || return 0
    touch "$KN_TMP/owned"
    cut -d' ' -f4- "$KN_TMP/owned" >"$KN_TMP/wanted"
    while read -r _ _ _ kn_path; do
        ! grep -qxF "$kn_path" "$KN_TMP/wanted" || continue
        kn_keep "$KN_R/undo" "$kn_path"
        kn_id "$kn_path" >>"$KN_R/undo/stale"
        kn_put_back "$KN_R/prior" "$kn_path"
        KN_CHANGED="$KN_CHANGED$(basename "$kn_path") "
        kn_say "gave back $kn_path"
    done <"$KN_R/owned"
}

# kn_keep_closed PATTERN [there]: files that a service of ours writes for itself, with secrets in them. Whatever they hold,
# from now on nobody but root reads them; with "there", a check also misses them.
kn_keep_closed() {
    kn_expect closed "$@"
    kn_not_closed "$1" >"$KN_TMP/open"
    kn_close "${KN_CLOSED% *}" "others"
}

# kn_close_folders: the directories that we made; who may write in one may put another file in the place of ours.
kn_close_folders() {
    kn_open_folders >"$KN_TMP/open"
    kn_close go-w "others' writing"
}

# kn_close MODE WHOM: those that are listed as open.
kn_close() {
    while read -r kn_path _; do
        chown "${KN_CLOSED#* }" "$kn_path"
        chmod "$1" "$kn_path"
        KN_CHANGED="${KN_CHANGED}closed "
        kn_say "closed $kn_path to $2"
    done <"$KN_TMP/open"
}

# kn_open_folders: those that others may write in, or that are another's, with mode and owner.
kn_open_folders() {
    [ -e "$KN_R/dirs" ] || return 0
    while read -r kn_path; do
        kn_found=$(stat -c '0%a %U:%G' "$kn_path" 2>/dev/null) || continue
        [ -d "$kn_path" ] || continue
        case $kn_found in 0[0-7][0145][0145]" ${KN_CLOSED#* }") ;; *) printf '%s %s\n' "$kn_path" "$kn_found" ;; esac
    done <"$KN_R/dirs"
}

# kn_not_closed PATTERN [there]: each of these files that others may read, or that is another's, and its mode and owner. Of
# a link what it leads to.
kn_not_closed() {
    for kn_path in $1; do
        [ ! -f "$kn_path" ] || readlink -f "$kn_path"
    done | sort -u >"$KN_TMP/closed"
    while read -r kn_path; do
        kn_found=$(stat -c '0%a %U:%G' "$kn_path" 2>/dev/null) || continue
        case $kn_found in 0[4-7]00" ${KN_CLOSED#* }") ;; *) printf '%s %s\n' "$kn_path" "$kn_found" ;; esac
    done <"$KN_TMP/closed"
    [ -s "$KN_TMP/closed" ] || [ "${2:-}" != there ] || printf '%s nothing\n' "$1"
}

kn_changed() {
    for kn_name in "$@"; do
        case $KN_CHANGED in *" $kn_name "*) return 0 ;; esac
    done
    return 1
}

# kn_restore_files: each file as it was before this part first touched it, then the directories that we made.
kn_restore_files() {
    if [ -e "$KN_R/prior/list" ]; then
        while read -r _ _ kn_path; do kn_put_back "$KN_R/prior" "$kn_path"; done <"$KN_R/prior/list"
    fi
    [ ! -e "$KN_R/dirs" ] || sort -r "$KN_R/dirs" | while read -r kn_dir; do
        [ ! -d "$kn_dir" ] || rmdir "$kn_dir" 2>/dev/null || kn_say "$kn_dir is not empty and stays"
    done
}
