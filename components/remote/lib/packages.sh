# shellcheck shell=sh
# Packages, by the tools of the host's family.
#
# Owns packages and holds of the record: what came with a part, and goes with it. Does not own what a family's tools are
# told (apt.sh, dnf.sh).

# kn_os KEY: a word of /etc/os-release.
kn_os() { sed -n "s/^$1=//p" /etc/os-release 2>/dev/null | tr -d "\"'" | sed -n 1p; }

# kn_family: debian (apt-get, dpkg), redhat (dnf, rpm), or nothing: a system that is not supported.
kn_family() {
    case " $(kn_os ID) $(kn_os ID_LIKE) " in
    *" debian "* | *" ubuntu "*) printf debian ;;
    *" fedora "* | *" rhel "* | *" centos "*) printf redhat ;;
    esac
}

KN_FAMILY=$(kn_family)

# kn_worst PATTERN: the first lines that say what is wrong, which may stand far above the end, then the last.
kn_worst() { awk -v p="$1" '$0 ~ p && n++ < 5; { line[NR] = $0 } END { for (i = NR > 8 ? NR - 7 : 1; i <= NR; i++) print line[i] }'; }

# What differs between the families is in functions of apt.sh and dnf.sh, named alike: kn_tool NAME calls the host's.
kn_tool() {
    kn_do=$1
    shift
    case $KN_FAMILY in
    redhat) "dnf_$kn_do" "$@" ;;
    *) "apt_$kn_do" "$@" ;;
    esac
}

kn_package_installed() { kn_tool installed "$1"; }

kn_package_version() { kn_tool version "$1"; }

kn_is_version() { kn_tool is_version "$1" "$2"; }

# kn_install PACKAGE[=VERSION]...: those that are missing, or ours in another version; everything that came with them is
# noted as ours. KN_CHANGED has "version" if a package was there in another one.
kn_install() {
    kn_missing=
    kn_way=install
    for kn_package in "$@"; do
        kn_name=${kn_package%%=*}
        kn_pinned=${kn_package#"$kn_name"}
        kn_expect package "$kn_name" "${kn_pinned#=}"
        if ! kn_package_installed "$kn_name"; then
            kn_missing="$kn_missing $kn_package"
        elif [ "$kn_package" != "$kn_name" ] && kn_there=$(kn_package_version "$kn_name") && ! kn_is_version "$kn_there" "${kn_package#*=}"; then
            grep -qsxF "$kn_name" "$KN_RECORD"/parts/*/packages ||
                kn_die "$kn_name is here in version $kn_there, and not by kubenode; the configuration asks for ${kn_package#*=}.
Install that version on the host, or leave the version out of the configuration."
            kn_missing="$kn_missing $kn_package"
            kn_way=exchange
            KN_CHANGED="${KN_CHANGED}version "
            # Its hold is ours; the part puts it back. Others' holds keep their word.
            ! grep -qsxF "$kn_name" "$KN_R/holds" || kn_unhold "$kn_name" || kn_die "the hold on $kn_name cannot be lifted: $(tail -n 1 "$KN_TMP/log")"
            kn_say "$kn_name was $kn_there"
            printf '%s %s\n' "$kn_name" "$kn_there" >>"$KN_TMP/versions"
        fi
    done
    [ -n "$kn_missing" ] || return 0
    kn_begin=$(kn_now)
    export DEBIAN_FRONTEND=noninteractive
    kn_note_packages
    kn_keep_accounts
    kn_tool list >"$KN_R/packages.before.new"
    mv "$KN_R/packages.before.new" "$KN_R/packages.before"
    # shellcheck disable=SC2086 # package names are words
    kn_tool "$kn_way" $kn_missing
    kn_note_packages
    rm -rf "$KN_RECORD/apt/cache"
    KN_CHANGED="${KN_CHANGED}packages "
    kn_say "installed$kn_missing in $(($(kn_now) - kn_begin)) s"
}

# kn_put_versions_back: packages that this apply exchanged, in the versions that were there. Fails if their source has those
# no more.
kn_put_versions_back() {
    [ -e "$KN_TMP/versions" ] || return 0
    kn_names=$(cut -d ' ' -f 1 "$KN_TMP/versions")
    for kn_name in $kn_names; do
        ! grep -qsxF "$kn_name" "$KN_R/holds" || kn_unhold "$kn_name" || :
    done
    kn_mark
    kn_result=0
    # shellcheck disable=SC2046 # one package a line
    kn_tool try_exchange $(sed 's/ /=/' "$KN_TMP/versions") || kn_result=1
    kn_wanted=$(sed 's/ /=/' "$KN_TMP/versions" | tr '\n' ' ')
    if [ "$kn_result" = 0 ]; then
        kn_say "put back ${kn_wanted% }"
    else
        kn_say "could not put back ${kn_wanted% }: $(kn_words | kn_worst '^(E: |Error)' | tail -n 1)"
    fi
    # shellcheck disable=SC2046,SC2086 # one package a word
    kn_hold $(printf '%s\n' $kn_names | grep -sxF -f "$KN_R/holds" || :)
    return "$kn_result"
}

# kn_note_packages: what came since the list from before an install is ours; also after one that was cut off.
kn_note_packages() {
    [ -e "$KN_R/packages.before" ] || return 0
    kn_tool finish
    touch "$KN_R/packages"
    kn_tool list | comm -13 "$KN_R/packages.before" - | sort -u - "$KN_R/packages" >"$KN_R/packages.new"
    mv "$KN_R/packages.new" "$KN_R/packages"
    rm -f "$KN_R/packages.before"
}

# kn_hold PACKAGE...: no upgrade behind the cluster's back; a hold that was there stays.
kn_hold() {
    for kn_package in "$@"; do
        kn_expect hold "$kn_package"
        ! kn_tool is_held "$kn_package" || continue
        if grep -qsxF "$kn_package" "$KN_R/holds"; then
            kn_changed version || kn_say "held $kn_package again"
        else
            printf '%s\n' "$kn_package" >>"$KN_R/holds"
        fi
        kn_tool hold "$kn_package"
    done
}

kn_unhold() { kn_tool unhold "$1"; }

# kn_purge: what we installed, except what others need by now. Simulated first.
kn_purge() {
    if [ -e "$KN_R/holds" ]; then
        while read -r kn_package; do kn_unhold "$kn_package" || :; done <"$KN_R/holds"
    fi
    export DEBIAN_FRONTEND=noninteractive
    kn_note_packages
    [ -e "$KN_R/packages" ] || return 0
    kn_tool list | comm -12 - "$KN_R/packages" >"$KN_TMP/purge"
    while [ -s "$KN_TMP/purge" ]; do
        # shellcheck disable=SC2046 # one package a line
        kn_tool would_go $(cat "$KN_TMP/purge") | comm -13 "$KN_R/packages" - >"$KN_TMP/foreign"
        [ -s "$KN_TMP/foreign" ] || break
        # Something that is not ours would go too: what that needs stays.
        while read -r kn_package; do
            [ -z "$(kn_tool would_go "$kn_package" | comm -12 - "$KN_TMP/foreign")" ] || printf '%s\n' "$kn_package"
        done <"$KN_TMP/purge" >"$KN_TMP/needed"
        kn_say "stays, because $(head -n 3 "$KN_TMP/foreign" | tr '\n' ' ')needs it: $(tr '\n' ' ' <"$KN_TMP/needed")"
        [ -s "$KN_TMP/needed" ] || kn_die "a removal would also take $(tr '\n' ' ' <"$KN_TMP/foreign"); remove our packages by hand"
        comm -23 "$KN_TMP/purge" "$KN_TMP/needed" >"$KN_TMP/purge.new"
        mv "$KN_TMP/purge.new" "$KN_TMP/purge"
    done
    [ ! -s "$KN_TMP/purge" ] || kn_tool remove "$KN_TMP/purge"
    rm -rf "$KN_RECORD/apt/cache"
    kn_restore_accounts
}
