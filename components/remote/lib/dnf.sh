# shellcheck shell=sh
# dnf, with its cache in our own record, so that the host's stays as it is.
#
# Owns dnf/ of the record.

KN_DNF="-y --setopt=cachedir=$KN_RECORD/dnf --setopt=keepcache=False --setopt=install_weak_deps=False --setopt=clean_requirements_on_remove=False"

kn_dnf() {
    kn_seconds=$1
    kn_mark
    kn_try_dnf "$@" || {
        kn_ended=$?
        shift
        kn_die "'dnf $*' $(kn_ending "$kn_ended" "$kn_seconds"):
$(kn_words | kn_worst '^(Error|error|Failed)' | awk '!seen[$0]++')"
    }
}

kn_try_dnf() {
    kn_bound=$1
    shift
    mkdir -p "$KN_RECORD/dnf"
    # shellcheck disable=SC2086
    kn_try_online "$kn_bound" dnf $KN_DNF "$@"
}

# ---------------------------------------------------------------------------------------------------------------------
# What packages.sh asks of a family.

# dnf_installed NAME: or whatever provides it, as curl-minimal does /usr/bin/curl.
dnf_installed() { rpm -q --whatprovides "$1" >/dev/null 2>&1; }

# Sorted. rpm counts the keys that packages are signed with as packages, all of one name.
dnf_list() {
    rpm -qa --qf '%{NAME} %{VERSION}-%{RELEASE}\n' | awk '{ print $1 == "gpg-pubkey" ? $1 "-" $2 : $1 }' | sort -u
}

dnf_version() { rpm -q --qf '%{EPOCHNUM}:%{VERSION}-%{RELEASE}\n' "$1" | sed -n 1p; }

# dnf_is_version THERE WANTED: it may be given without its epoch, and without its release.
dnf_is_version() {
    case $2 in "$1" | "${1#*:}" | "${1%-*}") ;; *) kn_short=${1#*:} && [ "$2" = "${kn_short%-*}" ] ;; esac
}

# dnf_would_go PACKAGE...: every package that a removal of these would take along, with them, sorted.
dnf_would_go() {
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

# dnf_install PACKAGE[=VERSION]...: dnf says NAME-VERSION. dnf_exchange: it takes an older one too if it is named.
# shellcheck disable=SC2046 # package names are words
dnf_install() { kn_dnf 900 install $(printf '%s\n' "$@" | sed 's/=/-/'); }

dnf_exchange() { dnf_install "$@"; }

# shellcheck disable=SC2046
dnf_try_exchange() { kn_try_dnf 900 install $(printf '%s\n' "$@" | sed 's/=/-/'); }

# dnf_remove FILE: the packages that it lists. Only rpm itself removes a key.
dnf_remove() {
    grep '^gpg-pubkey-' "$1" >"$KN_TMP/keys" || :
    # shellcheck disable=SC2046 # one package a line
    [ ! -s "$KN_TMP/keys" ] || kn_try 60 rpm -e $(cat "$KN_TMP/keys") || :
    comm -23 "$1" "$KN_TMP/keys" >"$KN_TMP/packages"
    # shellcheck disable=SC2046
    [ ! -s "$KN_TMP/packages" ] || kn_dnf 600 remove $(cat "$KN_TMP/packages")
}

dnf_finish() { :; }

dnf_hold() { kn_dnf 60 versionlock add "$1"; }

# shellcheck disable=SC2086 # the options are words
dnf_unhold() { kn_try 60 dnf $KN_DNF versionlock delete "$1"; }

# Each lock is "NAME-EPOCH:VERSION-RELEASE.*" with dnf 4, and a paragraph that begins "Package name: NAME" with dnf 5.
dnf_is_held() {
    # shellcheck disable=SC2086
    dnf $KN_DNF -q versionlock list 2>>"$KN_TMP/log" </dev/null |
        awk -v n="$1" '{ l = $0; sub(/-[0-9]+:.*$/, "", l) } l == n || $0 == "Package name: " n { f = 1 } END { exit !f }'
}
