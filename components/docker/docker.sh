#!/bin/sh
# Docker Engine, cri-dockerd and the images that are there before the first pod.
#
# Owns what it installed. A Docker that was there before is configured in place and given back as it was; containers,
# images and volumes that are not the cluster's survive.
#
# $KN_R/chosen: the source and the data root that this Docker was made with. $KN_R/before: what was there before it.
set -eu
. "${0%/*}/lib.sh"
KN_ACCOUNTS=docker
DAEMON_JSON=/etc/docker/daemon.json
REPOSITORY_KEY=/etc/apt/keyrings/kubenode-docker.asc

kn_part_apply() {
    SOURCE=$(kn_setting source distribution)
    DATA_ROOT=$(kn_setting data-root /var/lib/docker)
    # A package may be pinned: docker.io=20.10.24+dfsg1-1+deb12u1.
    KN_PACKAGE=$(kn_setting package)
    KN_PACKAGE=${KN_PACKAGE%%=*}
    demand_same_choice
    [ -e "$KN_R/before" ] || demand_way_is_free
    kn_fetch_artifacts
    check_archive
    kn_settings image | while read -r kn_image kn_url kn_sum; do
        ! image_current "$kn_image" "$kn_sum" || continue
        kn_fetch "$kn_url" "$kn_sum" >/dev/null
        check_image "$kn_image" "$kn_url" "$KN_RECORD/downloads/$kn_sum"
    done
    note_before
    for kn_unit in docker.service cri-docker.service cri-docker.socket; do
        # Of a Docker that is somebody else's, so is what is said to its unit.
        [ "$kn_unit:$SOURCE" = docker.service:existing ] || kn_own_folder "/etc/systemd/system/$kn_unit.d"
    done
    put_files
    # The images were fetched before any change; they are loaded when Docker runs, from a folder of their own.
    keep_images
    # The repository's key among them, before it is needed.
    kn_put_artifacts
    # With daemon.json in place: a package starts Docker, and starts it right the first time.
    install_docker
    kn_drop_stale
    ! kn_changed containerd.service docker.service docker.socket cri-docker.service cri-docker.socket || kn_daemon_reload
    kn_timeout=$(kn_setting healthy-timeout-seconds 120)
    # The proxy's file belongs to prepare; another text in it asks for a restart here.
    [ "$(kn_setting proxy)" = "$(cat "$KN_R/proxy" 2>/dev/null)" ] || KN_CHANGED="${KN_CHANGED}proxy "
    if [ "$SOURCE" = archive ]; then
        kn_start containerd.service "$kn_timeout" containerd_healthy containerd.service docker-archive
        start_socket docker.socket docker.service
    fi
    kn_start docker.service "$kn_timeout" docker_healthy daemon.json version docker.service docker-archive kubenode-proxy.conf proxy
    kn_setting proxy >"$KN_R/proxy"
    # Until here a version that does not run may have to be put back.
    [ "$SOURCE" != docker ] || rm -rf "$KN_LISTS" "$KN_RECORD/apt/sources"
    # Before Kubernetes 1.24 the kubelet speaks to Docker itself.
    if grep -q '^file | cri-docker.service ' "$KN_TMP/bundle"; then
        start_socket cri-docker.socket cri-docker.service
        kn_start cri-docker.service "$kn_timeout" cri_healthy cri-dockerd cri-docker.service
    fi
    load_images
}

# ---------------------------------------------------------------------------------------------------------------------
# Which Docker.

# Another source or data root would leave behind what runs and lies in the old one.
demand_same_choice() {
    [ -e "$KN_R/before" ] || return 0
    for kn_choice in "source $SOURCE" "data-root $DATA_ROOT"; do
        kn_made=$(sed -n "s/^${kn_choice%% *} //p" "$KN_R/chosen" 2>/dev/null || :)
        # Before there was a choice there was no file of it.
        [ -n "$kn_made" ] || case $kn_choice in source*) kn_made=distribution ;; *) kn_made=/var/lib/docker ;; esac
        [ "${kn_choice#* }" != "$kn_made" ] || continue
        case $kn_choice in source*) kn_key=source ;; *) kn_key=dataRoot ;; esac
        [ ! -e "$KN_R/owned" ] ||
            kn_die "docker.$kn_key was $kn_made when this node was made, and cannot become ${kn_choice#* } while it is one: what runs and lies in the old Docker would be lost. Nothing was changed. Set it back; or remove the node, 'pulumi up', add it again, 'pulumi up'."
        # No apply has counted yet: the first try's traces go, and this one begins anew.
        kn_say "undoing the first try, which had docker.$kn_key $kn_made"
        kn_part_remove
        kn_restore_files
        kn_drop "$KN_R"
        (umask 077 && mkdir -p "$KN_R")
        # The removal was that of the other one.
        DATA_ROOT=$(kn_setting data-root /var/lib/docker)
        return 0
    done
}

# Before anything is noted or written: what is here, and what is asked for, go together.
demand_way_is_free() {
    kn_way=$(kn_docker_in_the_way "$SOURCE" "$KN_PACKAGE")
    [ -z "$kn_way" ] || kn_die "$kn_way. Nothing was changed."
    case $SOURCE in existing | archive) return 0 ;; esac
    # Its containers would be out of sight as long as the node lives.
    kn_place=$(timeout 20 docker info -f '{{.DockerRootDir}}' 2>/dev/null || :)
    [ -z "$kn_place" ] || [ "$kn_place" = "$DATA_ROOT" ] ||
        kn_die "the Docker of this host has its data in $kn_place, and docker.source $SOURCE would look in $DATA_ROOT: set docker.source to existing, which keeps that. Nothing was changed."
}

install_docker() {
    case $SOURCE in
    distribution)
        kn_install "$(kn_setting package)"
        # A package of its own since Debian 13; the checks below ask with it.
        command -v docker >/dev/null || kn_install docker-cli
        kn_hold "$KN_PACKAGE"
        ;;
    docker)
        add_repository
        # shellcheck disable=SC2046 # one package a line
        kn_install $(kn_settings package)
        # shellcheck disable=SC2046
        kn_hold $(kn_settings package | sed 's/=.*//')
        ;;
    esac
    # The owner of the sockets; packages bring it.
    getent group docker >/dev/null || {
        kn_keep_accounts
        kn_run 30 groupadd --system docker
    }
}

# add_repository: from here on this script's apt sees Docker's repository beside the host's own sources. Nobody else's
# does.
add_repository() {
    kn_repository=$(kn_setting repository stable)
    kn_channel=${kn_repository%% *}
    kn_url=${kn_repository#"$kn_channel"}
    kn_url=${kn_url# }
    kn_system=$(kn_os ID)
    if [ -z "$kn_url" ]; then
        case $kn_system in
        debian | ubuntu) kn_url=https://download.docker.com/linux/$kn_system ;;
        *) kn_die "Docker has no repository of packages for $kn_system that kubenode knows: set docker.repository.url, or choose another docker.source" ;;
        esac
    fi
    # shellcheck disable=SC2086 # the options are words
    eval "$(apt-config $KN_APT shell kn_parts Dir::Etc::sourceparts/d)"
    kn_sources=$KN_RECORD/apt/sources
    rm -rf "$kn_sources"
    mkdir -p "$kn_sources"
    kn_list=
    if [ -e "$KN_SOURCES" ]; then
        # A mirror of packages stands in place of the host's sources.
        cp "$KN_SOURCES" "$kn_sources/kubenode-mirror.list"
        kn_list="-o Dir::Etc::SourceList=/dev/null"
        KN_SOURCES=/dev/null/none
    elif [ -d "${kn_parts:-}" ]; then
        find "$kn_parts" -maxdepth 1 -type f -exec cp {} "$kn_sources" \;
    fi
    printf 'deb [arch=%s signed-by=%s] %s %s %s\n' "$(dpkg --print-architecture)" "$REPOSITORY_KEY" "$kn_url" \
        "$(kn_os VERSION_CODENAME)" "$kn_channel" >"$kn_sources/kubenode-docker.list"
    KN_LISTS=$KN_RECORD/apt/docker-lists
    KN_APT="$KN_APT $kn_list -o Dir::Etc::sourceparts=$kn_sources -o Dir::State::lists=$KN_LISTS"
}

# check_archive: a static archive of Docker, before anything changes.
check_archive() {
    [ "$SOURCE" = archive ] || return 0
    kn_line=$(sed -n 's/^artifact | docker-archive //p' "$KN_TMP/bundle")
    # shellcheck disable=SC2086 # mode, path, SHA-256, URL, member
    set -- $kn_line
    kn_artifact_current docker-archive "$3" && return 0
    tar -tzf "$KN_RECORD/downloads/$3" 2>>"$KN_TMP/log" | sed 's|^\./||' >"$KN_TMP/listing" || :
    for kn_program in dockerd docker containerd containerd-shim-runc-v2 runc; do
        grep -qxF "docker/$kn_program" "$KN_TMP/listing" ||
            kn_die "$4 is no static archive of Docker: it holds no docker/$kn_program. Nothing was changed. Correct docker.archive."
    done
}

# put_files: as the bundle has them; but of a Docker that is somebody else's, daemon.json keeps what it says besides.
put_files() {
    [ "$SOURCE" = existing ] || { kn_put_files; return; }
    KN_SKIP_FILE=daemon.json
    kn_put_files
    kn_theirs=$DAEMON_JSON
    case $(grep " $(kn_id "$DAEMON_JSON") " "$KN_R/prior/list" 2>/dev/null) in
    present*) kn_theirs=$KN_R/prior/$(kn_id "$DAEMON_JSON") ;;
    absent*) kn_theirs=/nonexistent ;;
    esac
    # It may hold secrets: whoever could not read it before cannot read it now.
    kn_access='0644 root:root'
    [ ! -f "$kn_theirs" ] || kn_access=$(stat -c '0%a %U:%G' "$kn_theirs")
    (umask 077 && kn_content daemon.json >"$KN_TMP/ours.json" && merge_json "$kn_theirs" "$KN_TMP/ours.json" >"$KN_TMP/daemon.json") ||
        kn_die "$DAEMON_JSON is no JSON object: $(tail -n 1 "$KN_TMP/log"). Correct it on the host."
    kn_put daemon.json "$DAEMON_JSON" "${kn_access% *}" "${kn_access#* }" "$KN_TMP/daemon.json"
}

# merge_json THEIRS OURS: the members of the one object, but for those that the other one has, and then the other's. A
# file that is not there, or is empty, is an empty object. The awk below reads texts from their beginning: string() is the
# length of the string there, quotes included, value() that of the value, up to the comma or bracket behind it.
merge_json() {
    for kn_json in "$1" "$2"; do
        if [ -s "$kn_json" ]; then cat "$kn_json"; else printf '{}'; fi
        printf '\001'
    done | awk -v RS='\001' '
        function bad(why) { print why > "/dev/stderr"; failed = 1; exit 1 }
        function string(text,   i, c) {
            for (i = 2; (c = substr(text, i, 1)) != ""; i++) {
                if (c == "\\") i++
                else if (c == "\"") return i
            }
            bad("a string has no end")
        }
        function value(text,   i, c, depth) {
            depth = 0
            for (i = 1; (c = substr(text, i, 1)) != ""; i++) {
                if (c == "\"") i += string(substr(text, i)) - 1
                else if (c == "{" || c == "[") depth++
                else if (depth == 0 && (c == "," || c == "}" || c == "]")) return i - 1
                else if (c == "}" || c == "]") depth--
            }
            bad("an object has no end")
        }
        function rest(text) { sub(/^[ \t\r\n]+/, "", text); return text }
        function members(text,   n, key, held) {
            text = rest(text)
            if (substr(text, 1, 1) != "{") bad("it does not begin with a bracket")
            text = rest(substr(text, 2))
            while (substr(text, 1, 1) != "}") {
                if (substr(text, 1, 1) != "\"") bad("a key is no string")
                n = string(text); key = substr(text, 1, n); text = rest(substr(text, n + 1))
                if (substr(text, 1, 1) != ":") bad("a key has no value")
                text = rest(substr(text, 2))
                n = value(text); held = substr(text, 1, n); text = rest(substr(text, n + 1))
                sub(/[ \t\r\n]+$/, "", held)
                if (held == "") bad("a key has no value")
                if (!(key in has)) order[++count] = key
                has[key] = held
                if (substr(text, 1, 1) == ",") {
                    text = rest(substr(text, 2))
                    if (substr(text, 1, 1) != "\"") bad("a comma stands before no key")
                } else if (substr(text, 1, 1) != "}") bad("a comma is missing")
            }
            if (rest(substr(text, 2)) != "") bad("something follows the object")
        }
        { members($0) }
        END {
            if (failed) exit 1
            if (!count) { print "{}"; exit }
            print "{"
            for (i = 1; i <= count; i++) print "  " order[i] ": " has[order[i]] (i < count ? "," : "")
            print "}"
        }' 2>>"$KN_TMP/log"
}

# ---------------------------------------------------------------------------------------------------------------------
# Start.

# start_socket SOCKET SERVICE: systemd does not start a socket anew while its service runs.
start_socket() {
    kn_note_unit "$1"
    kn_expect unit "$1"
    kn_enable "$1"
    if kn_changed "$1"; then
        kn_try 60 systemctl stop "$2" || :
        KN_STARTED="$KN_STARTED $1"
        kn_run 60 systemctl restart "$1"
    fi
}

# foreign_containers: names of those that run and are not the cluster's.
foreign_containers() {
    timeout 20 docker ps --format '{{.Names}} {{.Label "io.kubernetes.pod.uid"}}' 2>/dev/null | awk 'NF == 1 { print $1 }' | sort | tr '\n' ' '
}

lives_on() { [ "$(timeout 20 docker info -f '{{.LiveRestoreEnabled}}' 2>/dev/null)" = true ]; }

# kn_restart UNIT. The containers of a Docker that was there before run on while it restarts: live-restore is switched on
# without a restart, and is afterwards as daemon.json has it.
kn_restart() {
    kn_careful=
    [ "$1" != docker.service ] || ! before docker || kn_careful=yes
    # Of a Docker that does not answer any more, what it said before holds.
    [ -z "$kn_careful" ] || [ -s "$KN_TMP/others" ] || foreign_containers >"$KN_TMP/others"
    if [ -z "$kn_careful" ] || [ ! -s "$KN_TMP/others" ]; then
        kn_try 180 systemctl restart "$1"
        return
    fi
    kn_others=$(cat "$KN_TMP/others")
    kn_wanted=$KN_TMP/wanted.json
    rm -f "$kn_wanted"
    [ ! -e "$DAEMON_JSON" ] || cp -a "$DAEMON_JSON" "$kn_wanted"
    put_live_restore true
    # One that does not answer has nothing to be told; what is its own still runs.
    if lives_on || ! docker_healthy || { kn_try 30 systemctl reload docker.service && kn_wait 10 lives_on; }; then
        kn_say "docker.service restarts; these containers, which are not the cluster's, run on: $kn_others"
    else
        put_wanted
        kn_say "docker.service restarts, and with it these containers, which are not the cluster's: $kn_others"
    fi
    kn_code=0
    kn_try 180 systemctl restart docker.service || kn_code=$?
    if lives_on && ! wants_live_restore; then
        put_live_restore false
        kn_try 30 systemctl reload docker.service || :
        kn_wait 10 dies_on || :
    fi
    put_wanted
    return "$kn_code"
}

dies_on() { ! lives_on; }

# put_live_restore VALUE: daemon.json as it is wanted, but for this one setting.
put_live_restore() {
    printf '{"live-restore": %s}' "$1" >"$KN_TMP/live.json"
    [ -d "${DAEMON_JSON%/*}" ] || { mkdir "${DAEMON_JSON%/*}" && : >"$KN_TMP/folder-made"; }
    (umask 077 && merge_json "$kn_wanted" "$KN_TMP/live.json" >"$DAEMON_JSON.kubenode-new") && mv -fT "$DAEMON_JSON.kubenode-new" "$DAEMON_JSON" || :
}

put_wanted() {
    if [ -e "$kn_wanted" ]; then
        cp -a "$kn_wanted" "$DAEMON_JSON.kubenode-new"
        mv -fT "$DAEMON_JSON.kubenode-new" "$DAEMON_JSON"
    else
        rm -f "$DAEMON_JSON"
        [ ! -e "$KN_TMP/folder-made" ] || rmdir "${DAEMON_JSON%/*}" 2>/dev/null || :
    fi
}

wants_live_restore() { tr -d ' \t\r\n' <"$kn_wanted" 2>/dev/null | grep -q '"live-restore":true'; }

note_before() {
    [ ! -e "$KN_R/before" ] || return 0
    kn_note_tables
    for kn_unit in docker.service docker.socket containerd.service network-online.target; do kn_note_unit "$kn_unit"; done
    kn_note_dirs "$DATA_ROOT" /var/lib/containerd /var/lib/cri-dockerd
    case $SOURCE in docker | archive) kn_note_dirs /opt/containerd ;; esac
    # Docker makes its folder, and no removal of ours would take what that lies in.
    case $DATA_ROOT in /var/lib/docker) ;; *) [ "$SOURCE" = existing ] || kn_mkdir "${DATA_ROOT%/*}" ;; esac
    printf 'source %s\ndata-root %s\n' "$SOURCE" "$DATA_ROOT" >"$KN_R/chosen"
    {
        { [ "$SOURCE" = existing ] || { [ "$SOURCE" != archive ] && kn_package_installed "$KN_PACKAGE"; }; } && printf 'docker\n'
        [ ! -e /etc/docker/key.json ] || printf 'key\n'
        iptables -S FORWARD 2>/dev/null | sed -n 's/^-P FORWARD /forward /p'
    } >"$KN_R/before.new" || :
    mv "$KN_R/before.new" "$KN_R/before"
}

before() { grep -qxF "$1" "$KN_R/before" 2>/dev/null; }

docker_healthy() { timeout 20 docker info >/dev/null; }

containerd_healthy() { systemctl is-active -q containerd.service && [ -S /run/containerd/containerd.sock ]; }

# The socket is systemd's and always answers; only a version reply tells that cri-dockerd reached Docker.
cri_healthy() { systemctl is-active -q cri-docker.service && kn_cri_call Version '' && [ -S "$KN_CRI_SOCKET" ]; }

# image_current IMAGE SHA256: loaded from that archive, and still there; the kubelet may have collected it since.
image_current() { grep -qxF "$2" "$KN_R/images" 2>/dev/null && timeout 30 docker image inspect "$1" >/dev/null 2>&1; }

keep_images() {
    kn_settings image | while read -r _ _ kn_sum; do
        [ ! -e "$KN_RECORD/downloads/$kn_sum" ] || { mkdir -p "$KN_R/tar" && mv "$KN_RECORD/downloads/$kn_sum" "$KN_R/tar/$kn_sum"; }
    done
}

# check_image IMAGE URL FILE: before anything changes. An archive of docker save, plain or compressed, has a list of what
# is in it.
check_image() {
    timeout 300 tar -tf "$3" 2>>"$KN_TMP/log" | grep -qE '^(\./)?manifest\.json$' ||
        kn_die "$2 is no archive of docker save, so $1 cannot be loaded from it. Nothing was changed. Make it with 'docker save $1 | gzip', and correct docker.images."
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
        ! grep -q '^docker.service [^ ]* active' "$KN_R/units" || kn_restart docker.service ||
            kn_say "docker.service does not start with the files it had before us"
        kn_purge
        kn_restore_accounts
        kn_drop_dir /var/lib/cri-dockerd
        rm -f "$KN_CRI_SOCKET"
        return 0
    fi
    # Looked up on the disk: Docker may be stopped, also by a removal that was cut off.
    DATA_ROOT=$(sed -n 's/^data-root //p' "$KN_R/chosen" 2>/dev/null || :)
    DATA_ROOT=${DATA_ROOT:-/var/lib/docker}
    kn_foreign=$(find "$DATA_ROOT/containers" "$DATA_ROOT/volumes" -mindepth 1 -maxdepth 1 -type d 2>/dev/null | sed -n 1p || :)
    kn_restore_units
    for kn_unit in docker.socket docker.service containerd.service; do kn_stop "$kn_unit"; done
    kn_purge
    kn_restore_accounts
    # Docker writes its identity beside its configuration.
    before key || rm -f /etc/docker/key.json
    for kn_dir in "$DATA_ROOT" /var/lib/containerd $(grep -o '/opt/containerd$' "$KN_R/dirs-before") /var/lib/cri-dockerd; do
        if [ -n "$kn_foreign" ] && [ "$kn_dir" != /var/lib/cri-dockerd ]; then
            kn_say "$kn_dir stays: it holds containers or volumes that are not the cluster's"
        else
            kn_drop_dir "$kn_dir"
        fi
    done
    # With the folders that the data root lies in, and so after it.
    kn_restore_files
    kn_try 60 systemctl daemon-reload || :
    # A pod in the host's network leaves a mount of it.
    for kn_dir in /run/docker /run/containerd; do kn_unmount_below "$kn_dir"; done
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
