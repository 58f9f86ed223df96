# shellcheck shell=sh
# Folders that hold nothing but files of ours.
#
# Owns folders and aside/ of the record, and which file is a stranger's.

KN_LINE_BREAK='
'

# kn_own_folder DIR [NAME...]: from now on DIR holds files of ours only, and those NAMEs, which services of ours write. Not
# so if something else was there before. A re-apply moves aside what somebody put there since; an apply leaves it, for it
# may be in use. Other words for a unit are a reason to restart it.
kn_own_folder() {
    if ! grep -qs " $1\$" "$KN_R/folders"; then
        if [ -n "$(kn_strangers "$@")" ]; then kn_word=shared; else kn_word=whole; fi
        printf '%s %s\n' "$kn_word" "$1" >>"$KN_R/folders"
    fi
    grep -qxF "whole $1" "$KN_R/folders" || return 0
    kn_expect folder "$@"
    kn_is_reapply || return 0
    kn_strangers "$@" >"$KN_TMP/strangers"
    case $1 in *.d) kn_move_aside "$(basename "$1" .d)" ;; *) kn_move_aside aside ;; esac
}

# kn_move_aside CHANGE: those that are listed as strangers, into the record.
kn_move_aside() {
    while IFS= read -r kn_path; do
        if [ ! -e "$kn_path" ] && [ ! -L "$kn_path" ]; then
            kn_say "$kn_path is not ours; its name has a line break where this has a question mark, so it stays"
            continue
        fi
        kn_keep "$KN_R/aside" "$kn_path"
        rm -f "$kn_path"
        KN_CHANGED="$KN_CHANGED$1 "
        kn_say "$kn_path is not ours; it is kept in $KN_R/aside"
    done <"$KN_TMP/strangers"
}

# kn_is_reapply: whether this bundle asks for a re-apply that was not done yet.
kn_is_reapply() {
    kn_asked=$(kn_setting reapply)
    [ -n "$kn_asked" ] && [ "$kn_asked" != "$(cat "$KN_R/reapplied" 2>/dev/null)" ]
}

# kn_strangers DIR [NAME...]: the files below it that no part of ours put there, but for NAMEs in it and static pods. A line
# break in a name is told as a question mark: such a name is not to be taken for two, of which one may be a file elsewhere.
kn_strangers() {
    kn_dir=$1
    shift
    [ -d "$kn_dir" ] || return 0
    {
        cut -d' ' -f4- "$KN_RECORD"/parts/*/owned "$KN_RECORD"/parts/*/owned.new
        cut -d' ' -f3- "$KN_RECORD"/parts/*/prior/list
        for kn_stranger in "$@"; do printf '%s\n' "$kn_dir/$kn_stranger"; done
    } >"$KN_TMP/known" 2>/dev/null || :
    kn_pods=$(sed -n 's/^staticPodPath: *//p' /etc/kubernetes/kubelet.yaml 2>/dev/null | tr -d "\"'" || :)
    find "$kn_dir" -xdev ! -type d ! -path "${kn_pods:-/nowhere}/*" \( ! -path "*$KN_LINE_BREAK*" -print -o \
        -exec sh -c 'printf %s "$1" | tr "\n" "?"; echo' sh {} \; \) | grep -vxF -f "$KN_TMP/known" | sort || :
}
