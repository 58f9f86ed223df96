# shellcheck shell=sh
# A Docker that is there already.
#
# Owns which one is in the way. Does not own how one is set up (docker/docker.sh).

# kn_docker_in_the_way SOURCE PACKAGE: why a Docker of this source cannot be set up on this host, of which nothing is ours
# yet; nothing if it can. The preflight asks, and Docker's own part.
kn_docker_in_the_way() {
    kn_found=
    for kn_package in $2 docker.io docker-ce moby-engine docker-ee; do
        [ -n "$kn_found" ] || ! kn_package_installed "$kn_package" || kn_found="the package $kn_package"
    done
    if [ -n "$kn_found" ]; then
        :
    elif systemctl cat snap.docker.dockerd.service >/dev/null 2>&1; then
        kn_found="the snap docker"
    elif command -v dockerd >/dev/null; then
        kn_found=$(command -v dockerd)
    elif systemctl cat docker.service >/dev/null 2>&1; then
        kn_found="the unit docker.service"
    fi
    case $1:$kn_found in
    existing:) printf 'docker.source is existing, and no Docker is installed here: install one, or choose another docker.source' ;;
    existing:*)
        { systemctl cat docker.service >/dev/null 2>&1 && command -v docker >/dev/null; } ||
            printf 'docker.source is existing, and the Docker here (%s) has no unit docker.service or no command docker: only one with both can be configured in place' "$kn_found"
        ;;
    archive:)
        ! systemctl cat containerd.service >/dev/null 2>&1 ||
            printf 'docker.source is archive, which brings its own containerd, and there is one here already: remove it, or choose docker.source distribution'
        ;;
    *: | "$1:the package $2") ;;
    *) printf 'docker.source is %s, and there is a Docker here already, from %s: set docker.source to existing, which configures that one in place, or remove it first' "$1" "$kn_found" ;;
    esac
}
