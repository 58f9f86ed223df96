#!/bin/sh
# Docker Engine, cri-dockerd and the images that are there before the first pod.
#
# Owns what it installed. A Docker that was there before is configured in place and given back as it was; containers,
# images and volumes that are not the cluster's survive.
set -eu
. "${0%/*}/lib.sh"
KN_ACCOUNTS=docker

kn_part_apply() {
    # The package may be pinned: docker.io=20.10.24+dfsg1-1+deb12u1.
    KN_PACKAGE=$(kn_setting package)
    KN_PACKAGE=${KN_PACKAGE%%=*}
    kn_fetch_artifacts
    kn_settings image | while read -r _ kn_url kn_sum; do image_current "$kn_sum" || kn_fetch "$kn_url" "$kn_sum" >/dev/null; done
    note_before
    kn_put_files
    # The images were fetched before any change; they are loaded when Docker runs, from a folder of their own.
    keep_images
    # With daemon.json in place: the package starts Docker, and starts it right the first time.
    kn_install "$(kn_setting package)"
    kn_hold "$KN_PACKAGE"
    kn_put_artifacts
    kn_drop_stale
    ! kn_changed cri-docker.service cri-docker.socket || kn_daemon_reload
    kn_timeout=$(kn_setting healthy-timeout-seconds 120)
    kn_start docker.service "$kn_timeout" docker_healthy daemon.json
    kn_note_unit cri-docker.socket
    systemctl is-enabled -q cri-docker.socket 2>/dev/null || kn_run 60 systemctl enable cri-docker.socket
    if kn_changed cri-docker.socket; then
        kn_try 60 systemctl stop cri-docker.service || :
        kn_run 60 systemctl restart cri-docker.socket
    fi
    kn_start cri-docker.service "$kn_timeout" cri_healthy cri-dockerd cri-docker.service
    load_images
}

note_before() {
    [ ! -e "$KN_R/before" ] || return 0
    kn_note_tables
    for kn_unit in docker.service docker.socket containerd.service network-online.target; do kn_note_unit "$kn_unit"; done
    kn_note_dirs /var/lib/docker /var/lib/containerd /var/lib/cri-dockerd
    {
        kn_package_installed "$KN_PACKAGE" && printf 'docker\n'
        iptables -S FORWARD 2>/dev/null | sed -n 's/^-P FORWARD /forward /p'
    } >"$KN_R/before.new" || :
    mv "$KN_R/before.new" "$KN_R/before"
}

before() { grep -qxF "$1" "$KN_R/before" 2>/dev/null; }

docker_healthy() { timeout 20 docker info >/dev/null; }

# The socket is systemd's and always answers; only a version reply tells that cri-dockerd reached Docker.
cri_healthy() { systemctl is-active -q cri-docker.service && kn_cri_call Version '' && [ -S "$KN_CRI_SOCKET" ]; }

image_current() { grep -qxF "$1" "$KN_R/images" 2>/dev/null; }

keep_images() {
    kn_settings image | while read -r _ _ kn_sum; do
        [ ! -e "$KN_RECORD/downloads/$kn_sum" ] || { mkdir -p "$KN_R/tar" && mv "$KN_RECORD/downloads/$kn_sum" "$KN_R/tar/$kn_sum"; }
    done
}

load_images() {
    touch "$KN_R/images"
    kn_settings image | while read -r kn_image _ kn_sum; do
        image_current "$kn_sum" && timeout 30 docker image inspect "$kn_image" >/dev/null 2>&1 && continue
        [ -e "$KN_R/tar/$kn_sum" ] || kn_die "the image $kn_image is gone and its archive too; run 'pulumi up' once more"
        kn_run 300 docker load -i "$KN_R/tar/$kn_sum"
        timeout 30 docker image inspect "$kn_image" >/dev/null 2>&1 ||
            kn_die "the archive of $kn_image holds another image: $(tail -n 1 "$KN_TMP/log")"
        printf '%s\n' "$kn_sum" >>"$KN_R/images"
        kn_say "loaded $kn_image"
    done
    rm -rf "$KN_R/tar"
}

kn_part_remove() {
    if before docker; then
        kn_restore_units
        kn_restore_files
        kn_try 60 systemctl daemon-reload || :
        systemctl is-active -q docker.service && kn_try 180 systemctl restart docker.service
        kn_purge
        return 0
    fi
    kn_foreign=$(timeout 30 docker ps -aq 2>/dev/null | head -n 1 || :)$(timeout 30 docker volume ls -q 2>/dev/null | head -n 1 || :)
    kn_restore_units
    for kn_unit in docker.socket docker.service containerd.service; do kn_stop "$kn_unit"; done
    kn_purge
    # Docker writes its identity beside its configuration.
    rm -f /etc/docker/key.json
    kn_restore_files
    kn_try 60 systemctl daemon-reload || :
    for kn_dir in /var/lib/docker /var/lib/containerd /var/lib/cri-dockerd; do
        if [ -n "$kn_foreign" ] && [ "$kn_dir" != /var/lib/cri-dockerd ]; then
            kn_say "$kn_dir stays: it holds containers or volumes that are not the cluster's"
        else
            kn_drop_dir "$kn_dir"
        fi
    done
    rm -rf /run/docker /run/docker.pid /run/docker.sock /run/containerd "$KN_CRI_SOCKET"
    kn_delete_chains 'DOCKER|DOCKER-.*|CRI-.*'
    delete_docker_rules
    [ ! -d /sys/class/net/docker0 ] || kn_try 20 ip link delete docker0 || :
    kn_policy=$(sed -n 's/^forward //p' "$KN_R/before")
    [ -z "$kn_policy" ] || [ "$(iptables -S FORWARD 2>/dev/null | sed -n 's/^-P FORWARD //p')" = "$kn_policy" ] ||
        kn_try 20 iptables -P FORWARD "$kn_policy" || :
    kn_delete_empty_tables
}

# Rules that name docker0 stand in chains of the kernel's own.
delete_docker_rules() {
    iptables-save 2>/dev/null | awk '
        /^\*/ { table = $0; del = ""; next }
        /^-A/ && / docker0( |$)/ { line = $0; sub(/^-A/, "-D", line); del = del line "\n"; next }
        /^-A POSTROUTING -s 172\.17\.0\.0\/16 ! -o docker0/ { next }
        /^COMMIT/ { if (del != "") printf "%s\n%sCOMMIT\n", table, del; del = "" }' >"$KN_TMP/rules"
    [ ! -s "$KN_TMP/rules" ] || kn_try 30 iptables-restore --noflush -w 30 "$KN_TMP/rules" || :
}

kn_main docker "$@"
