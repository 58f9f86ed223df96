# shellcheck shell=sh
# Folders that hold nothing but files of ours.
#
# Owns folders and aside/ of the record, and which file is a stranger's.

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
    while read -r kn_path; do
        kn_keep "$KN_R/aside" "$kn_path"
        rm -f "$kn_path"
        case $1 in *.d) KN_CHANGED="$KN_CHANGED$(basename "$1" .d) " ;; *) KN_CHANGED="${KN_CHANGED}aside " ;; esac
        kn_say "$kn_path is not ours; it is kept in $KN_R/aside"
    done <"$KN_TMP/strangers"
}

# kn_is_reapply: whether this bundle asks for a re-apply that was not done yet.
kn_is_reapply() {
    kn_asked=$(kn_setting reapply)
    [ -n "$kn_asked" ] && [ "$kn_asked" != "$(cat "$KN_R/reapplied" 2>/dev/null)" ]
}

# kn_strangers DIR [NAME...]: the files below it that no part of ours put there, but for NAMEs in it and static pods.
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
    find "$kn_dir" -xdev ! -type d ! -path "${kn_pods:-/nowhere}/*" | grep -vxF -f "$KN_TMP/known" | sort || :
}
