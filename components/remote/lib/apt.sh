# shellcheck shell=sh
# apt-get, with lists and archives in our own record, so that the host's caches stay as they are.
#
# Owns apt/ of the record, and the mirror that packages come from.

KN_LISTS=$KN_RECORD/apt/lists
KN_DPKG_LOCK=/var/lib/dpkg/lock-frontend
KN_APT_WAITS=300
KN_APT="-o Dir::State::lists=$KN_LISTS -o Dir::Cache=$KN_RECORD/apt/cache -o DPkg::Lock::Timeout=$KN_APT_WAITS -o Acquire::Retries=3 -o Dpkg::Options::=--force-confold -o APT::Install-Recommends=false -o Dpkg::Use-Pty=0"
KN_SOURCES=$KN_RECORD/apt/sources.list

# kn_apt SECONDS ARGUMENT..., kn_dnf SECONDS ARGUMENT...: bounded; a failure ends the part with the tool's last words.
kn_apt() {
    kn_seconds=$1
    kn_mark
    kn_try_apt "$@" || {
        kn_ended=$?
        shift
        kn_die "'apt-get $*' $(kn_ending "$kn_ended" "$kn_seconds"):
$({ kn_unreachable; kn_words | kn_worst '^(E: |Err:|dpkg: error)'; } | awk '!seen[$0]++')"
    }
}

# kn_try_apt, kn_try_dnf: the same, and a failure is the caller's.
kn_try_apt() {
    kn_bound=$1
    shift
    mkdir -p "$KN_LISTS/partial" "$KN_RECORD/apt/cache/archives/partial"
    kn_from=
    [ ! -e "$KN_SOURCES" ] || kn_from="-o Dir::Etc::SourceList=$KN_SOURCES -o Dir::Etc::SourceParts=/dev/null"
    [ "$1" = update ] || kn_tell_of_dpkg
    # shellcheck disable=SC2086 # the options are words
    kn_try_online "$kn_bound" apt-get $kn_from $KN_APT "$@"
}

# kn_tell_of_dpkg: that apt-get is about to wait, and for whom: a host's own upgrades may take minutes.
kn_tell_of_dpkg() {
    [ -e "$KN_DPKG_LOCK" ] || return 0
    kn_process=$(awk -v inode=":$(stat -c %i "$KN_DPKG_LOCK")\$" '$2 == "POSIX" && $6 ~ inode { print $5; exit }' /proc/locks)
    [ -z "$kn_process" ] || kn_tell "apt-get waits for process $kn_process ($(cat "/proc/$kn_process/comm" 2>/dev/null || printf ended)), which holds $KN_DPKG_LOCK; for $KN_APT_WAITS s at most"
}

# kn_unreachable: sources that did not answer. apt goes on without them, and then knows no package.
kn_unreachable() {
    grep '^[WE]: Failed to fetch' "$KN_TMP/log" >"$KN_TMP/unreachable" || return 0
    printf "Package sources do not answer: check the host's network, host.packageMirror and host.proxy.\n"
    sort -u "$KN_TMP/unreachable" | sed -n 1,3p
}

# kn_package_mirror [URL [SECURITY-URL]]: the archive that all parts' packages come from, instead of the host's own sources,
# signed by the distribution. Lists of other sources go.
kn_package_mirror() {
    if [ -z "${1:-}" ]; then
        [ ! -e "$KN_SOURCES" ] || rm -rf "$KN_RECORD/apt"
        return 0
    fi
    case " $(kn_os ID) $(kn_os ID_LIKE) " in
    *" ubuntu "*)
        kn_suite=$(kn_os UBUNTU_CODENAME)
        kn_archive=ubuntu
        kn_components="main universe"
        ;;
    *)
        kn_suite=
        kn_archive=debian
        kn_components=main
        ;;
    esac
    kn_suite=${kn_suite:-$(kn_os VERSION_CODENAME)}
    [ -n "$kn_suite" ] || kn_die "host.packageMirror: /etc/os-release names no VERSION_CODENAME, so nobody knows which release of $1 is this host's"
    for kn_key in pgp gpg; do
        kn_keyring=/usr/share/keyrings/$kn_archive-archive-keyring.$kn_key
        [ ! -e "$kn_keyring" ] || break
    done
    [ -e "$kn_keyring" ] || kn_die "host.packageMirror: $kn_keyring is missing: install $(basename "${kn_keyring%-archive*}")-$([ "$kn_archive" = ubuntu ] || printf archive-)keyring"
    kn_security=${2:-}
    [ "$kn_archive" = debian ] || kn_security=${2:-$1}
    mkdir -p "$KN_RECORD/apt"
    for kn_line in "$1 $kn_suite" "$1 $kn_suite-updates" ${kn_security:+"$kn_security $kn_suite-security"}; do
        printf 'deb [signed-by=%s] %s %s\n' "$kn_keyring" "$kn_line" "$kn_components"
    done >"$KN_SOURCES.new"
    cmp -s "$KN_SOURCES.new" "$KN_SOURCES" || rm -rf "$KN_LISTS"
    mv -f "$KN_SOURCES.new" "$KN_SOURCES"
}

# ---------------------------------------------------------------------------------------------------------------------
# What packages.sh asks of a family.

# apt_installed NAME: also one that is on hold, whose first letter is h.
apt_installed() {
    case $(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null) in ?"i ") ;; *) return 1 ;; esac
}

# Sorted.
apt_list() { dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' | sed -n 's/^.i  //p' | sort; }

apt_version() { dpkg-query -W -f '${Version}' "$1"; }

# apt_is_version THERE WANTED
apt_is_version() { [ "$1" = "$2" ]; }

# apt_would_go PACKAGE...: every package that a removal of these would take along, with them, sorted.
apt_would_go() {
    # shellcheck disable=SC2086 # the options are words
    apt-get $KN_APT -s purge "$@" 2>>"$KN_TMP/log" | awk '$1 == "Purg" || $1 == "Remv" { print $2 }' | sort
}

# apt_install PACKAGE[=VERSION]...: those that are missing. apt_exchange: also in an older version than what is there.
apt_install() {
    apt_lists
    # A package that another one would push out may be somebody's.
    kn_apt 900 install -y --no-remove "$@"
}

apt_exchange() {
    apt_lists
    kn_apt 900 install -y --no-remove --allow-downgrades "$@"
}

# apt_try_exchange PACKAGE=VERSION...: from the lists that are there; a failure is the caller's.
apt_try_exchange() { kn_try_apt 900 install -y --no-remove --allow-downgrades "$@"; }

apt_lists() {
    find "$KN_LISTS/fetched" -mmin -60 2>/dev/null | grep -q . || {
        rm -f "$KN_LISTS/fetched"
        kn_apt 300 update
        [ -n "$(kn_unreachable)" ] || : >"$KN_LISTS/fetched"
    }
}

# apt_remove FILE: the packages that it lists, with their configuration.
apt_remove() {
    # shellcheck disable=SC2046 # one package a line
    kn_apt 600 purge -y $(cat "$1")
}

# apt_finish: a dpkg run that was cut off must be finished before anybody does anything else.
apt_finish() { kn_try 300 dpkg --configure -a || :; }

# Without the options apt-mark fills the host's own cache.
# shellcheck disable=SC2086 # the options are words
apt_hold() { kn_run 60 apt-mark $KN_APT hold "$1"; }

# shellcheck disable=SC2086
apt_unhold() { kn_try 60 apt-mark $KN_APT unhold "$1"; }

# shellcheck disable=SC2086
apt_is_held() { apt-mark $KN_APT showhold | grep -qxF "$1"; }
