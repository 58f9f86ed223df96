# shellcheck shell=sh
# dnf, with its cache in our own record, so that the host's stays as it is.
#
# Owns dnf/ of the record.

KN_DNF="-y --setopt=cachedir=$KN_RECORD/dnf --setopt=keepcache=False --setopt=install_weak_deps=False --setopt=clean_requirements_on_remove=False"

kn_dnf() {
    kn_seconds=$1
    shift
    mkdir -p "$KN_RECORD/dnf"
    kn_mark
    # shellcheck disable=SC2086
    kn_try_online "$kn_seconds" dnf $KN_DNF "$@" || kn_die "'dnf $*' $(kn_ending $? "$kn_seconds"):
$(kn_words | kn_worst '^(Error|error|Failed)' | awk '!seen[$0]++')"
}
