# shellcheck shell=sh
# Packages, by the tools of the host's family.
#
# Owns packages and holds of the record: what came with a part, and goes with it. Does not own the tools' calls (apt.sh,
# dnf.sh).

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

# kn_package_installed NAME: with dpkg also one that is on hold, whose first letter is h; with rpm whatever provides it,
# as curl-minimal does /usr/bin/curl.
kn_package_installed() {
    if [ "$KN_FAMILY" = redhat ]; then
        rpm -q --whatprovides "$1" >/dev/null 2>&1
        return
    fi
    case $(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null) in ?"i ") ;; *) return 1 ;; esac
}

# Sorted. rpm counts the keys that packages are signed with as packages, all of one name.
kn_package_list() {
    if [ "$KN_FAMILY" = redhat ]; then
        rpm -qa --qf '%{NAME} %{VERSION}-%{RELEASE}\n' | awk '{ print $1 == "gpg-pubkey" ? $1 "-" $2 : $1 }' | sort -u
    else
        dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' | sed -n 's/^.i  //p' | sort
    fi
}

kn_package_version() {
    if [ "$KN_FAMILY" = redhat ]; then
        rpm -q --qf '%{EPOCHNUM}:%{VERSION}-%{RELEASE}\n' "$1" | sed -n 1p
    else
        dpkg-query -W -f '${Version}' "$1"
    fi
}

# kn_is_version THERE WANTED: rpm's version may be given without its epoch, and without its release.
kn_is_version() {
    case $KN_FAMILY in
    redhat) case $2 in "$1" | "${1#*:}" | "${1%-*}") ;; *) kn_short=${1#*:} && [ "$2" = "${kn_short%-*}" ] ;; esac ;;
    *) [ "$1" = "$2" ] ;;
    esac
}

# kn_would_go PACKAGE...: every package that a removal of these would take along, with them, sorted.
kn_would_go() {
    if [ "$KN_FAMILY" != redhat ]; then
        # shellcheck disable=SC2086
        apt-get $KN_APT -s purge "$@" 2>>"$KN_TMP/log" | awk '$1 == "Purg" || $1 == "Remv" { print $2 }' | sort
        return
    fi
    printf '%s\n' "$@" | sort -u >"$KN_TMP/go"
    while :; do
        # shellcheck disable=SC2046 # one package a line
        rpm -e --test $(cat "$KN_TMP/go") 2>&1 | sed -n 's/.* is needed by (installed) //p' | sort -u >"$KN_TMP/needing"
        [ -s "$KN_TMP/needing" ] || break
        # shellcheck disable=SC2046
        rpm -q --qf '%{NAME}\n' $(cat "$KN_TMP/needing") 2>>"$KN_TMP/log" | sort -u | comm -13 "$KN_TMP/go" - >"$KN_TMP/more"
        [ -s "$KN_TMP/more" ] || break
        sort -u "$KN_TMP/go" "$KN_TMP/more" >"$KN_TMP/go.new"
        mv "$KN_TMP/go.new" "$KN_TMP/go"
    done
    cat "$KN_TMP/go"
}

# kn_install PACKAGE[=VERSION]...: those that are missing, or ours in another version; everything that came with them is
# noted as ours. KN_CHANGED has "version" if a package was there in another one.
kn_install() {
    kn_missing=
    kn_versions=
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
            kn_versions=--allow-downgrades
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
    kn_package_list >"$KN_R/packages.before.new"
    mv "$KN_R/packages.before.new" "$KN_R/packages.before"
    if [ "$KN_FAMILY" = redhat ]; then
        # dnf says NAME-VERSION, and takes an older one too if it is named.
        # shellcheck disable=SC2046,SC2086 # package names are words
        kn_dnf 900 install $(printf '%s\n' $kn_missing | sed 's/=/-/')
    else
        find "$KN_LISTS/fetched" -mmin -60 2>/dev/null | grep -q . || {
            rm -f "$KN_LISTS/fetched"
            kn_apt 300 update
            [ -n "$(kn_unreachable)" ] || : >"$KN_LISTS/fetched"
        }
        # A package that another one would push out may be somebody's.
        # shellcheck disable=SC2086 # package names are words
        kn_apt 900 install -y --no-remove $kn_versions $kn_missing
    fi
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
    if [ "$KN_FAMILY" = redhat ]; then
        kn_try_dnf 900 install $(sed 's/ /-/' "$KN_TMP/versions") || kn_result=1
    else
        kn_try_apt 900 install -y --no-remove --allow-downgrades $(sed 's/ /=/' "$KN_TMP/versions") || kn_result=1
    fi
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
    # A dpkg run that was cut off must be finished before anybody does anything else.
    [ "$KN_FAMILY" = redhat ] || kn_try 300 dpkg --configure -a || :
    touch "$KN_R/packages"
    kn_package_list | comm -13 "$KN_R/packages.before" - | sort -u - "$KN_R/packages" >"$KN_R/packages.new"
    mv "$KN_R/packages.new" "$KN_R/packages"
    rm -f "$KN_R/packages.before"
}

# kn_hold PACKAGE...: no upgrade behind the cluster's back; a hold that was there stays.
kn_hold() {
    for kn_package in "$@"; do
        kn_expect hold "$kn_package"
        ! kn_is_held "$kn_package" || continue
        grep -qsxF "$kn_package" "$KN_R/holds" || printf '%s\n' "$kn_package" >>"$KN_R/holds"
        if [ "$KN_FAMILY" = redhat ]; then
            kn_dnf 60 versionlock add "$kn_package"
        else
            # shellcheck disable=SC2086 # the options are words; without them apt-mark fills the host's own cache
            kn_run 60 apt-mark $KN_APT hold "$kn_package"
        fi
    done
}

# Each lock is "NAME-EPOCH:VERSION-RELEASE.*" with dnf 4, and a paragraph that begins "Package name: NAME" with dnf 5.
kn_is_held() {
    if [ "$KN_FAMILY" != redhat ]; then
        # shellcheck disable=SC2086
        apt-mark $KN_APT showhold | grep -qxF "$1"
        return
    fi
    # shellcheck disable=SC2086
    dnf $KN_DNF -q versionlock list 2>>"$KN_TMP/log" </dev/null |
        awk -v n="$1" '{ l = $0; sub(/-[0-9]+:.*$/, "", l) } l == n || $0 == "Package name: " n { f = 1 } END { exit !f }'
}

kn_unhold() {
    # shellcheck disable=SC2086
    if [ "$KN_FAMILY" = redhat ]; then kn_try 60 dnf $KN_DNF versionlock delete "$1"; else kn_try 60 apt-mark $KN_APT unhold "$1"; fi
}

# kn_purge: what we installed, except what others need by now. Simulated first.
kn_purge() {
    if [ -e "$KN_R/holds" ]; then
        while read -r kn_package; do kn_unhold "$kn_package" || :; done <"$KN_R/holds"
    fi
    export DEBIAN_FRONTEND=noninteractive
    kn_note_packages
    [ -e "$KN_R/packages" ] || return 0
    kn_package_list | comm -12 - "$KN_R/packages" >"$KN_TMP/purge"
    while [ -s "$KN_TMP/purge" ]; do
        # shellcheck disable=SC2046 # one package a line
        kn_would_go $(cat "$KN_TMP/purge") | comm -13 "$KN_R/packages" - >"$KN_TMP/foreign"
        [ -s "$KN_TMP/foreign" ] || break
        # Something that is not ours would go too: what that needs stays.
        while read -r kn_package; do
            [ -z "$(kn_would_go "$kn_package" | comm -12 - "$KN_TMP/foreign")" ] || printf '%s\n' "$kn_package"
        done <"$KN_TMP/purge" >"$KN_TMP/needed"
        kn_say "stays, because $(head -n 3 "$KN_TMP/foreign" | tr '\n' ' ')needs it: $(tr '\n' ' ' <"$KN_TMP/needed")"
        [ -s "$KN_TMP/needed" ] || kn_die "a removal would also take $(tr '\n' ' ' <"$KN_TMP/foreign"); remove our packages by hand"
        comm -23 "$KN_TMP/purge" "$KN_TMP/needed" >"$KN_TMP/purge.new"
        mv "$KN_TMP/purge.new" "$KN_TMP/purge"
    done
    if [ "$KN_FAMILY" = redhat ]; then
        # Only rpm itself removes a key.
        grep '^gpg-pubkey-' "$KN_TMP/purge" >"$KN_TMP/keys" || :
        # shellcheck disable=SC2046
        [ ! -s "$KN_TMP/keys" ] || kn_try 60 rpm -e $(cat "$KN_TMP/keys") || :
        comm -23 "$KN_TMP/purge" "$KN_TMP/keys" >"$KN_TMP/purge.new"
        # shellcheck disable=SC2046
        [ ! -s "$KN_TMP/purge.new" ] || kn_dnf 600 remove $(cat "$KN_TMP/purge.new")
    else
        # shellcheck disable=SC2046
        [ ! -s "$KN_TMP/purge" ] || kn_apt 600 purge -y $(cat "$KN_TMP/purge")
    fi
    rm -rf "$KN_RECORD/apt/cache"
    kn_restore_accounts
}
