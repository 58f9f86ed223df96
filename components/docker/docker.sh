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
    kn_settings image | while read -r kn_image kn_url kn_sum; do
        image_current "$kn_image" "$kn_sum" || kn_fetch "$kn_url" "$kn_sum" >/dev/null
    done
    note_before
    kn_put_files
    # The images were fetched before any change; they are loaded when Docker runs, from a folder of their own.
    keep_images
    # With daemon.json in place: the package starts Docker, and starts it right the first time.
    kn_install "$(kn_setting package)"
    # A package of its own since Debian 13; the checks below ask with it.
    command -v docker >/dev/null || kn_install docker-cli
    kn_hold "$KN_PACKAGE"
    kn_put_artifacts
    kn_drop_stale
    ! kn_changed cri-docker.service cri-docker.socket || kn_daemon_reload
    kn_timeout=$(kn_setting healthy-timeout-seconds 120)
    # The proxy's file belongs to prepare; another text in it asks for a restart here.
    [ "$(kn_setting proxy)" = "$(cat "$KN_R/proxy" 2>/dev/null)" ] || KN_CHANGED="${KN_CHANGED}proxy "
    kn_start docker.service "$kn_timeout" docker_healthy daemon.json version kubenode-proxy.conf proxy
    kn_setting proxy >"$KN_R/proxy"
    # Before Kubernetes 1.24 the kubelet speaks to Docker itself.
    if grep -q '^file | cri-docker.service ' "$KN_TMP/bundle"; then start_cri_dockerd; fi
    load_images
}

start_cri_dockerd() {
    kn_note_unit cri-docker.socket
    systemctl is-enabled -q cri-docker.socket 2>/dev/null || kn_run 60 systemctl enable cri-docker.socket
    if kn_changed cri-docker.socket; then
        kn_try 60 systemctl stop cri-docker.service || :
        KN_STARTED="$KN_STARTED cri-docker.socket"
        kn_run 60 systemctl restart cri-docker.socket
    fi
    kn_start cri-docker.service "$kn_timeout" cri_healthy cri-dockerd cri-docker.service
}

note_before() {
    [ ! -e "$KN_R/before" ] || return 0
    kn_note_tables
    for kn_unit in docker.service docker.socket containerd.service network-online.target; do kn_note_unit "$kn_unit"; done
    kn_note_dirs /var/lib/docker /var/lib/containerd /var/lib/cri-dockerd
    {
        kn_package_installed "$KN_PACKAGE" && printf 'docker\n'
        [ ! -e /etc/docker/key.json ] || printf 'key\n'
        iptables -S FORWARD 2>/dev/null | sed -n 's/^-P FORWARD /forward /p'
    } >"$KN_R/before.new" || :
    mv "$KN_R/before.new" "$KN_R/before"
}

before() { grep -qxF "$1" "$KN_R/before" 2>/dev/null; }

docker_healthy() { timeout 20 docker info >/dev/null; }

# The socket is systemd's and always answers; only a version reply tells that cri-dockerd reached Docker.
cri_healthy() { systemctl is-active -q cri-docker.service && kn_cri_call Version '' && [ -S "$KN_CRI_SOCKET" ]; }

# image_current IMAGE SHA256: loaded from that archive, and still there; the kubelet may have collected it since.
image_current() { grep -qxF "$2" "$KN_R/images" 2>/dev/null && timeout 30 docker image inspect "$1" >/dev/null 2>&1; }

keep_images() {
    kn_settings image | while read -r _ _ kn_sum; do
        [ ! -e "$KN_RECORD/downloads/$kn_sum" ] || { mkdir -p "$KN_R/tar" && mv "$KN_RECORD/downloads/$kn_sum" "$KN_R/tar/$kn_sum"; }
    done
}

load_images() {
    touch "$KN_R/images"
    kn_settings image | while read -r kn_image _ kn_sum; do
        ! image_current "$kn_image" "$kn_sum" || continue
        [ -e "$KN_R/tar/$kn_sum" ] || kn_die "the image $kn_image went while this ran; run 'pulumi up' once more"
        kn_run 300 docker load -i "$KN_R/tar/$kn_sum"
        timeout 30 docker image inspect "$kn_image" >/dev/null 2>&1 ||
            kn_die "the archive of $kn_image holds another image: $(tail -n 1 "$KN_TMP/log")"
        printf '%s\n' "$kn_sum" >>"$KN_R/images"
        kn_say "loaded $kn_image"
    done
    rm -rf "$KN_R/tar"
}

kn_part_remove() {
    # Cut off before it changed anything: whatever Docker is here, it is not ours.
    [ -e "$KN_R/before" ] || return 0
    if before docker; then
        kn_restore_units
        kn_restore_files
        kn_try 60 systemctl daemon-reload || :
        ! grep -q '^docker.service [^ ]* active' "$KN_R/units" || kn_try 180 systemctl restart docker.service ||
            kn_say "docker.service does not start with the files it had before us"
        kn_purge
        kn_drop_dir /var/lib/cri-dockerd
        rm -f "$KN_CRI_SOCKET"
        return 0
    fi
    # Looked up on the disk: Docker may be stopped, also by a removal that was cut off.
    kn_foreign=$(find /var/lib/docker/containers /var/lib/docker/volumes -mindepth 1 -maxdepth 1 -type d 2>/dev/null | head -n 1 || :)
    kn_restore_units
    for kn_unit in docker.socket docker.service containerd.service; do kn_stop "$kn_unit"; done
    kn_purge
    # Docker writes its identity beside its configuration.
    before key || rm -f /etc/docker/key.json
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

# Docker's own rules in chains of the kernel's own; another rule that names docker0 is somebody else's.
delete_docker_rules() {
    iptables-save 2>/dev/null | awk '
        /^\*/ { table = $0; del = ""; next }
        /^-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT$/ ||
        /^-A FORWARD -i docker0 (! )?-o docker0 -j (ACCEPT|DROP)$/ ||
        /^-A POSTROUTING -s [0-9.]+\/[0-9]+ ! -o docker0 -j MASQUERADE$/ { sub(/^-A/, "-D"); del = del $0 "\n"; next }
        /^COMMIT/ { if (del != "") printf "%s\n%sCOMMIT\n", table, del; del = "" }' >"$KN_TMP/rules"
    [ ! -s "$KN_TMP/rules" ] || kn_try 30 iptables-restore --noflush -w 30 "$KN_TMP/rules" || :
}

kn_main docker "$@"
