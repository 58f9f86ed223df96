# shellcheck shell=sh
# Copies of what was there: a file's way back within an apply, and after it.
#
# Owns prior/, undo/, done/ and edited/ of the record, and the moment from which an apply counts. Does not own which files
# there are (files.sh).

kn_stat() {
    if [ -f "$1" ]; then
        printf '%s %s' "$(sha256sum <"$1" | cut -d' ' -f1)" "$(stat -c '0%a %U:%G' "$1")"
    else
        printf 'nothing'
    fi
}

# kn_id PATH: a file name for PATH inside the record.
kn_id() { printf '%s' "$1" | sha256sum | cut -c1-16; }

# kn_keep DIR PATH: note in DIR/list what stands at PATH and keep a copy, once; the note comes after the copy and before
# any change, so what is noted can always be put back.
kn_keep() {
    (umask 077 && mkdir -p "$1")
    kn_kept=$(kn_id "$2")
    ! grep -q " $kn_kept " "$1/list" 2>/dev/null || return 0
    if [ -e "$2" ] || [ -L "$2" ]; then
        rm -rf "${1:?}/$kn_kept"
        cp -a "$2" "$1/$kn_kept"
        sync "$1/$kn_kept" 2>/dev/null || :
        printf 'present %s %s\n' "$kn_kept" "$2" >>"$1/list"
    else
        printf 'absent %s %s\n' "$kn_kept" "$2" >>"$1/list"
    fi
    sync "$1/list"
}

# kn_put_back DIR PATH: what kn_keep kept; also what a kn_put that was cut off left beside it.
kn_put_back() {
    rm -f "$2.kubenode-new"
    kn_kept=$(kn_id "$2")
    case $(grep " $kn_kept " "$1/list" 2>/dev/null | cut -d' ' -f1) in
    present)
        mkdir -p "$(dirname "$2")"
        cp -a "$1/$kn_kept" "$2.kubenode-new"
        sync "$2.kubenode-new" 2>/dev/null || :
        mv -fT "$2.kubenode-new" "$2"
        ;;
    absent) rm -f "$2" ;;
    esac
}

# kn_drop DIR: all of it at once, so that a kill leaves no list whose copies are gone.
kn_drop() {
    [ -d "$1" ] || return 0
    rm -rf "$1.gone"
    mv "$1" "$1.gone"
    rm -rf "$1.gone"
}

# kn_commit: the apply counts from the moment its write-ahead note is renamed. kn_settle: the rest, also after a kill.
kn_commit() {
    touch "$KN_TMP/owned"
    sort -u "$KN_TMP/owned" >"$KN_R/owned.new"
    touch "$KN_TMP/expected"
    sort -u "$KN_TMP/expected" >"$KN_R/expected.new"
    sync "$KN_R/owned.new" "$KN_R/expected.new"
    mkdir -p "$KN_R/undo"
    mv "$KN_R/undo" "$KN_R/done"
    kn_settle
}

kn_settle() {
    [ -d "$KN_R/done" ] || return 0
    for kn_list in owned expected; do
        [ ! -e "$KN_R/$kn_list.new" ] || mv -f "$KN_R/$kn_list.new" "$KN_R/$kn_list"
    done
    # What was given back is not ours any more: whoever makes such a file from now on keeps it.
    if [ -e "$KN_R/done/stale" ]; then
        grep -vF -f "$KN_R/done/stale" "$KN_R/prior/list" >"$KN_R/prior/list.new" || :
        mv -f "$KN_R/prior/list.new" "$KN_R/prior/list"
    fi
    rm -rf "$KN_R/done"
}

# kn_take_back WHY: undo the apply that its write-ahead note describes. The part then starts its services anew.
kn_take_back() {
    [ -e "$KN_R/undo/list" ] || return 0
    while read -r _ kn_copy kn_path; do
        kn_note_mending "$kn_copy" "$kn_path"
        kn_put_back "$KN_R/undo" "$kn_path"
    done <"$KN_R/undo/list"
    kn_drop "$KN_R/undo"
    KN_CHANGED="${KN_CHANGED}taken-back "
    kn_say "took back $1"
}

# kn_note_mending ID PATH: neither what was there nor what the apply that was cut off wrote, so somebody mended it by hand.
kn_note_mending() {
    [ -f "$2" ] || return 0
    ! cmp -s "$2" "$KN_R/undo/$1" && ! cmp -s "$2" "$KN_R/prior/$1" || return 0
    grep -qxF "$(sha256sum <"$2" | cut -d' ' -f1) $2" "$KN_R/undo/new" 2>/dev/null || kn_set_aside "$2"
}

# kn_note_edits: a file that somebody changed since our last apply is kept aside before it is written again.
kn_note_edits() {
    [ -e "$KN_R/owned" ] || return 0
    while read -r kn_sum _ _ kn_path; do
        [ -f "$kn_path" ] || continue
        [ "$(sha256sum <"$kn_path" | cut -d' ' -f1)" != "$kn_sum" ] || continue
        ! kn_changed taken-back || continue
        kn_set_aside "$kn_path"
    done <"$KN_R/owned"
}

kn_set_aside() {
    (umask 077 && mkdir -p "$KN_R/edited")
    cp -a "$1" "$KN_R/edited/$(basename "$1").$(date -u +%Y%m%dT%H%M%SZ)"
    kn_say "$1 was edited since the last apply; that version is kept in $KN_R/edited"
}
