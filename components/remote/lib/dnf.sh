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
