# shellcheck shell=sh disable=SC2034
# The library of every part: bundle, lock, files with a way back, units, packages, downloads.
#
# Owns how a host is changed and how that is undone. Does not own what is changed: each part does, in its own script.
#
# The record of a host is $KN_RECORD:
#   claim                  which stack and node this host belongs to
#   parts/PART/            exists as long as PART may have left something on the host
#     owned                "sha256 mode owner path" of each file as last applied
#     prior/               what was there before PART first touched it
#     undo/                write-ahead note of the apply under way: what to put back if it is cut off or fails
#     done/                the same note from the moment the apply counts, until the rest of the record is up to date
#     dirs units packages holds sysctls groups   what else PART changed, with its prior state
#     expected             what a check is to find besides the files: units, modules, kernel settings, packages, folders
#     folders              "whole" or "shared" for each folder that may hold files of ours only
#     edited/              files that somebody else changed since the last apply
#     aside/               files that somebody else put into a folder of ours, moved away by a re-apply
#     reapplied            the last re-apply that was asked for and done
#   toolkit                "sha256  name" of each installed script

KN_LIB=/usr/local/lib/kubenode
KN_RECORD=/var/lib/kubenode
KN_CRI_SOCKET=/run/cri-dockerd.sock
export LC_ALL=C
unset LANGUAGE CDPATH IFS 2>/dev/null || :

# ---------------------------------------------------------------------------------------------------------------------
# Words to the user: kept in a file and printed once at the end. A part must outlive its SSH connection, and a write to
# a connection that is gone would end it in the middle.

kn_say() { printf '%s\n' "$*" | cut -c1-300 >>"$KN_TMP/say"; }

# kn_shorten: both ends of long lines; what is wrong with a configuration stands at the end of a journal's line.
kn_shorten() { sed 's/^\(.\{120\}\).\{60,\}\(.\{180\}\)$/\1 [...] \2/'; }

kn_die() {
    printf 'kubenode: %s: %s %s: %s\n' "$(kn_where)" "${KN_PART:-?}" "${KN_VERB:-?}" "$*" | cut -c1-600 >>"$KN_TMP/die"
    exit 1
}

kn_where() { printf '%s (%s)' "${KN_NODE:-unknown node}" "${KN_HOST:-$(uname -n)}"; }

kn_finish() {
    kn_code=$?
    trap - EXIT
    set +e
    [ "$kn_code" -eq 0 ] || [ -s "$KN_TMP/die" ] ||
        printf 'kubenode: %s: %s %s: ended with %s\n%s\n' "$(kn_where)" "${KN_PART:-?}" "${KN_VERB:-?}" "$kn_code" \
            "$(tail -n 5 "$KN_TMP/log" 2>/dev/null | cut -c1-200)" >>"$KN_TMP/die"
    if [ "$kn_code" -eq 0 ]; then
        head -n 40 "$KN_TMP/say" 2>/dev/null | kn_scrub | kn_utf8
    else
        { head -n 20 "$KN_TMP/say"; head -n 20 "$KN_TMP/die"; } 2>/dev/null | kn_scrub | kn_utf8 >&2
    fi
    rm -rf "$KN_TMP"
    exit "$kn_code"
}

# kn_run SECONDS COMMAND...: a bounded step whose output goes to the log; a failure ends the part with its last lines.
kn_run() {
    kn_mark
    kn_try "$@" || kn_die "'$2 ${3:-} ${4:-}' $(kn_ending $? "$1"):
$(kn_words | tail -n 8)"
}

# kn_mark: a step begins. kn_ending CODE SECONDS: how it failed. kn_words: what it said.
kn_mark() {
    kn_marked=$(kn_now)
    kn_said=$(wc -c <"$KN_TMP/log")
}

kn_ending() {
    # A step that has to be killed ends with 137, and so does one that somebody else, or the kernel, killed.
    if [ "$1" -eq 124 ] || { [ "$1" -eq 137 ] && [ $(($(kn_now) - kn_marked)) -ge "$2" ]; }; then
        printf 'took longer than %s s and was ended' "$2"
    else
        printf 'failed with exit code %s' "$1"
    fi
}

kn_words() { tail -c "+$((kn_said + 1))" "$KN_TMP/log" | cut -c1-200 | grep . || printf 'It said nothing.\n'; }

# kn_try SECONDS COMMAND...: the same, but the caller decides what a failure means.
kn_try() {
    kn_seconds=$1
    shift
    timeout -k 10 "$kn_seconds" "$@" </dev/null >>"$KN_TMP/log" 2>&1
}

# kn_try_online SECONDS COMMAND...: the same through the host's proxy, if the stack set one. Only the environment has it.
KN_PROXY=/etc/kubenode/proxy.env
kn_try_online() (
    set -a
    # shellcheck disable=SC1090
    [ ! -r "$KN_PROXY" ] || . "$KN_PROXY"
    set +a
    kn_try "$@"
)

# kn_scrub: without the proxy's user and password, which a tool may have put into its words.
kn_scrub() {
    sed -n 's|^[a-z_]*="[a-z]*://\([^"@]*\)@.*|\1|p' "$KN_PROXY" >"$KN_TMP/scrub" 2>/dev/null
    if [ -s "$KN_TMP/scrub" ]; then
        awk 'NR == FNR { word[$0]; sub(/^[^:]*:/, ""); if ($0 != "") word[$0]; next }
            { for (w in word) while (i = index($0, w)) $0 = substr($0, 1, i - 1) "***" substr($0, i + length(w)); print }' "$KN_TMP/scrub" -
    else
        cat
    fi
}

# kn_utf8: without bytes that are not UTF-8, such as a letter that was cut in two or an old file name: Pulumi's program
# would die of them, in every run.
kn_utf8() {
    if command -v iconv >/dev/null; then
        iconv -c -f UTF-8 -t UTF-8 2>/dev/null
    else
        tr '\200-\377' '?'
    fi
}

# kn_wait SECONDS COMMAND...: until COMMAND succeeds, asking twice a second.
kn_wait() {
    kn_until=$(($(kn_now) + $1))
    shift
    until "$@" >>"$KN_TMP/log" 2>&1; do
        [ "$(kn_now)" -lt "$kn_until" ] || return 1
        sleep 0.5
    done
}

kn_now() { cut -d. -f1 /proc/uptime; }

# ---------------------------------------------------------------------------------------------------------------------
# The way in: save all of stdin, close it, take the lock, read the header, check the claim, go.

kn_main() {
    KN_PART=$1
    KN_VERB=${2:-}
    case $KN_VERB:$KN_PART in
    apply:* | remove:* | check:* | audit:claim) ;;
    *)
        printf 'usage: %s apply|remove|check < bundle\n' "$KN_PART" >&2
        exit 2
        ;;
    esac
    if [ "$(id -u)" -ne 0 ]; then
        printf 'kubenode: %s %s: needs root: log in as root, or as a user with passwordless sudo\n' "$KN_PART" "$KN_VERB" >&2
        exit 1
    fi
    umask 022
    trap '' PIPE HUP
    KN_TMP=$(umask 077 && mktemp -d "/run/kubenode.$$.XXXXXX")
    trap kn_finish EXIT
    trap 'exit 143' TERM INT
    (umask 077 && cat >"$KN_TMP/bundle")
    exec </dev/null
    : >"$KN_TMP/log"
    : >"$KN_TMP/say"
    KN_NODE=$(kn_header node)
    KN_HOST=$(kn_header host)
    KN_CLAIM=$(kn_header claim)
    if [ "$KN_VERB" = apply ] && [ "$(tail -n 1 "$KN_TMP/bundle")" != end ]; then
        kn_die "the connection was lost before all of the bundle had arrived. Nothing was done; run 'pulumi up' again."
    fi
    # A sweep runs the parts' removals while it holds the lock itself.
    [ -n "${KN_LOCK_HELD:-}" ] || kn_lock
    if [ "$KN_PART" = claim ]; then
        "kn_part_$KN_VERB"
        return
    fi
    if [ "$KN_VERB" = remove ] && [ ! -e "$KN_RECORD/claim" ]; then
        kn_say "no claim on this host: nothing of ours is here"
        return
    fi
    if [ "$KN_VERB" = remove ] && ! kn_claim_is_ours; then
        kn_say "this host is claimed by $(kn_claim_text), not by us: nothing of ours is here"
        return
    fi
    kn_demand_claim
    [ "$KN_VERB" != remove ] || case $KN_PART in
    kubelet) kn_sweep kube-proxy ;;
    credentials | calico | docker) kn_sweep kube-proxy kubelet ;;
    prepare) kn_sweep kube-proxy kubelet credentials calico docker ;;
    esac
    "kn_$KN_VERB" "$KN_PART"
}

# kn_sweep PART...: undo those that the host's record still lists, in this order. A create that was killed never told
# the state about its part, and what that part stands on must not be undone before it.
kn_sweep() {
    for kn_part in "$@"; do
        [ -d "$KN_RECORD/parts/$kn_part" ] || continue
        [ -r "${0%/*}/$kn_part" ] || kn_die "$kn_part must be undone first, and its script ${0%/*}/$kn_part is gone.
Bring it back: with the node in the configuration, pulumi up --replace and the URN of ${KN_NODE:-NODE}-claim."
        kn_say "sweeping $kn_part, which the host's record still lists"
        KN_LOCK_HELD=1 sh "${0%/*}/$kn_part" remove <"$KN_TMP/bundle" >>"$KN_TMP/say" 2>>"$KN_TMP/die" ||
            kn_die "the sweep of $kn_part failed"
    done
}

kn_lock() {
    mkdir -p /run/lock
    exec 9>>/run/lock/kubenode
    if ! flock -n 9; then
        kn_holder=$(cat /run/lock/kubenode 2>/dev/null || :)
        kn_say "waited for: ${kn_holder:-another kubenode command}"
        flock -w "${KN_LOCK_SECONDS:-600}" 9 ||
            kn_die "another kubenode command still runs on this host: ${kn_holder:-unknown}. Wait for it, or end it, and try again."
    fi
    printf '%s %s, process %s, since %s\n' "$KN_PART" "$KN_VERB" "$$" "$(date -u +%FT%TZ)" >/run/lock/kubenode
    # What commands that were killed left in memory: their bundles, and so perhaps secrets.
    for kn_left in /run/kubenode.* /run/kubenode-claim.*; do
        kn_process=${kn_left#*.}
        [ ! -d "$kn_left" ] || [ -d "/proc/${kn_process%.*}" ] || rm -rf "$kn_left"
    done
}

kn_demand_claim() {
    [ -e "$KN_RECORD/claim" ] ||
        kn_die "this host carries no claim of $KN_CLAIM: it is another machine, or was reinstalled. Nothing was written. Remove the node from the configuration, 'pulumi up', add it again, 'pulumi up'."
    kn_claim_is_ours ||
        kn_die "this host is claimed by $(kn_claim_text). Nothing was written. Correct the node's address; or, to put it on this host, destroy it there first."
}

kn_claim_text() { printf 'stack %s as node %s' "$(kn_field stack "$KN_RECORD/claim")" "$(kn_field node "$KN_RECORD/claim")"; }

kn_claim_is_ours() {
    [ "$(kn_field stack "$KN_RECORD/claim")" = "$KN_CLAIM" ] && [ "$(kn_field node "$KN_RECORD/claim")" = "$KN_NODE" ]
}

kn_field() { sed -n "s/^$1 //p" "$2" | head -n 1; }

# kn_apply PART, kn_remove PART: the frame around a part's own kn_part_apply and kn_part_remove.
kn_apply() {
    KN_R=$KN_RECORD/parts/$1
    (umask 077 && mkdir -p "$KN_R")
    KN_CHANGED=" "
    KN_STARTED=
    kn_settle
    kn_take_back "an apply that was cut off"
    kn_note_edits
    kn_part_apply
    kn_commit
    [ -z "$(kn_setting reapply)" ] || kn_setting reapply >"$KN_R/reapplied"
    [ "$KN_CHANGED" != " " ] || kn_say "$1: nothing to change"
}

kn_remove() {
    KN_R=$KN_RECORD/parts/$1
    rm -rf "$KN_R.gone"
    [ -d "$KN_R" ] || return 0
    kn_settle
    # What an apply that was cut off did is not taken back first: a unit could not be stopped without its file.
    kn_part_remove
    kn_restore_files
    [ ! -e "$KN_R/aside/list" ] || while read -r _ _ kn_path; do
        [ -e "$kn_path" ] || kn_put_back "$KN_R/aside" "$kn_path"
    done <"$KN_R/aside/list"
    kn_drop "$KN_R"
    kn_say "$1: removed"
}

# kn_check PART: reads only; one line for each thing that is not as it was applied. Exit code 1 if there is any. With
# KN_FINDINGS set the lines go there instead, as words between tabs.
kn_check() {
    KN_R=$KN_RECORD/parts/$1
    : >"$KN_TMP/findings"
    [ ! -e "$KN_R/undo/list" ] || kn_differs "the last apply" finished "cut off"
    kn_check_files
    kn_check_expected
    kn_tell_findings
}

# kn_differs THING EXPECTED FOUND
kn_differs() {
    for kn_text in "$KN_PART" "$@"; do
        printf '%s\t' "$(printf '%s' "${kn_text:-nothing}" | tr -d '[:cntrl:]' | cut -c1-300)"
    done >>"$KN_TMP/findings"
    echo >>"$KN_TMP/findings"
}

kn_tell_findings() {
    if [ -n "${KN_FINDINGS:-}" ]; then
        cat "$KN_TMP/findings" >>"$KN_FINDINGS"
        return
    fi
    [ -s "$KN_TMP/findings" ] || return 0
    while IFS='	' read -r kn_part kn_thing kn_wanted kn_found _; do
        kn_say "$kn_part: $kn_thing: expected $kn_wanted, found $kn_found"
    done <"$KN_TMP/findings"
    kn_die "differs from what was applied"
}

# kn_counting FILE: that file of the record as it is once the last apply is settled.
kn_counting() {
    if [ -d "$KN_R/done" ] && [ -e "$KN_R/$1.new" ]; then printf '%s' "$KN_R/$1.new"; else printf '%s' "$KN_R/$1"; fi
}

kn_check_files() {
    kn_list=$(kn_counting owned)
    [ -e "$kn_list" ] || return 0
    while read -r kn_sum kn_mode kn_owner kn_path; do
        kn_found=$(kn_stat "$kn_path")
        if [ -L "$kn_path" ]; then
            kn_found="a link to $(readlink "$kn_path")"
        elif [ "$kn_found" = "$kn_sum $kn_mode $kn_owner" ]; then
            continue
        fi
        # Of what is closed to others not even a digest is told: a short secret can be guessed from it.
        case $kn_mode in
        0?00)
            kn_wanted="$kn_mode $kn_owner, content as applied"
            case $kn_found in
            nothing | "a link"*) ;;
            "$kn_sum "*) kn_found="${kn_found#* }, content as applied" ;;
            *) kn_found="${kn_found#* }, other content" ;;
            esac
            ;;
        *)
            kn_wanted="$kn_mode $kn_owner sha256 $kn_sum"
            case $kn_found in nothing | "a link"*) ;; *) kn_found="${kn_found#* } sha256 ${kn_found%% *}" ;; esac
            ;;
        esac
        kn_differs "$kn_path" "$kn_wanted" "$kn_found"
    done <"$kn_list"
}

# kn_expect KIND NAME [VALUE]: what a check is to find from this apply on, beside its files.
kn_expect() { printf '%s\n' "$*" >>"$KN_TMP/expected"; }

kn_check_expected() {
    kn_list=$(kn_counting expected)
    [ -e "$kn_list" ] || return 0
    while read -r kn_kind kn_name kn_value; do
        case $kn_kind in
        unit) kn_check_unit "$kn_name" ;;
        module) kn_module_there "$kn_name" || kn_differs "kernel module $kn_name" loaded "not loaded" ;;
        sysctl)
            kn_found=$(kn_sysctl_get "$kn_name" || :)
            [ "$kn_found" = "$kn_value" ] || kn_differs "kernel setting $kn_name" "$kn_value" "$kn_found"
            ;;
        package)
            if ! kn_package_installed "$kn_name"; then
                kn_differs "package $kn_name" "${kn_value:-installed}" "not installed"
            elif [ -n "$kn_value" ]; then
                kn_found=$(kn_package_version "$kn_name")
                kn_is_version "$kn_found" "$kn_value" || kn_differs "package $kn_name" "$kn_value" "$kn_found"
            fi
            ;;
        hold) kn_is_held "$kn_name" || kn_differs "package $kn_name" "on hold" "not on hold" ;;
        folder)
            # shellcheck disable=SC2086 # names of files are words
            kn_strangers "$kn_name" $kn_value >"$KN_TMP/strangers"
            while read -r kn_path; do kn_differs "$kn_path" "no such file" "a file that is not ours"; done <"$KN_TMP/strangers"
            ;;
        esac
    done <"$kn_list"
}

# kn_check_unit UNIT. One whose file of ours is missing cannot be enabled: that file is told, and no more.
kn_check_unit() {
    kn_enabled=enabled
    kn_file=$(sed -n "s|^[^ ]* [^ ]* [^ ]* \(.*/$1\)\$|\1|p" "$(kn_counting owned)" 2>/dev/null | head -n 1 || :)
    if [ -z "$kn_file" ] || [ -e "$kn_file" ]; then
        systemctl is-enabled -q "$1" 2>/dev/null || kn_enabled=$(systemctl is-enabled "$1" 2>/dev/null || :)
    fi
    kn_active=$(systemctl is-active "$1" 2>/dev/null || :)
    case $kn_active in reloading) kn_active=active ;; esac
    [ "$kn_enabled $kn_active" = "enabled active" ] ||
        kn_differs "$1" "enabled, active" "${kn_enabled:-not found}, ${kn_active:-inactive}"
}

# ---------------------------------------------------------------------------------------------------------------------
# Folders that hold nothing but files of ours.

# kn_own_folder DIR [NAME...]: from now on DIR holds files of ours only, and those NAMEs, which services of ours write. Not
# so if something else was there before. A re-apply moves aside what somebody put there since; an apply leaves it, for it
# may be in use. Other words for a unit are a reason to restart it.
kn_own_folder() {
    if ! grep -qs " $1\$" "$KN_R/folders"; then
        if kn_strangers "$@" | grep -q .; then kn_word=shared; else kn_word=whole; fi
        printf '%s %s\n' "$kn_word" "$1" >>"$KN_R/folders"
    fi
    grep -qxF "whole $1" "$KN_R/folders" || return 0
    kn_expect folder "$@"
    kn_is_reapply || return 0
    kn_strangers "$@" >"$KN_TMP/strangers"
    while read -r kn_path; do
        kn_keep "$KN_R/aside" "$kn_path"
        rm -f "$kn_path"
        case $1 in *.d) KN_CHANGED="$KN_CHANGED$(basename "$1" .d) " ;; *) KN_CHANGED="${KN_CHANGED}aside " ;; esac
        kn_say "$kn_path is not ours; it is kept in $KN_R/aside"
    done <"$KN_TMP/strangers"
}

# kn_is_reapply: whether this bundle asks for a re-apply that was not done yet.
kn_is_reapply() {
    kn_asked=$(kn_setting reapply)
    [ -n "$kn_asked" ] && [ "$kn_asked" != "$(cat "$KN_R/reapplied" 2>/dev/null)" ]
}

# kn_strangers DIR [NAME...]: the files below it that no part of ours put there, but for NAMEs in it and static pods.
kn_strangers() {
    kn_dir=$1
    shift
    [ -d "$kn_dir" ] || return 0
    {
        cut -d' ' -f4- "$KN_RECORD"/parts/*/owned "$KN_RECORD"/parts/*/owned.new
        cut -d' ' -f3- "$KN_RECORD"/parts/*/prior/list
        for kn_stranger in "$@"; do printf '%s\n' "$kn_dir/$kn_stranger"; done
    } >"$KN_TMP/known" 2>/dev/null || :
    kn_pods=$(sed -n 's/^staticPodPath: *//p' /etc/kubernetes/kubelet.yaml 2>/dev/null | tr -d "\"'" || :)
    find "$kn_dir" -xdev ! -type d ! -path "${kn_pods:-/nowhere}/*" | grep -vxF -f "$KN_TMP/known" | sort || :
}

# ---------------------------------------------------------------------------------------------------------------------
# The bundle.

kn_header() { awk -v k="$1 | " 'index($0, k) == 1 { print substr($0, length(k) + 1); exit }' "$KN_TMP/bundle"; }

# kn_settings KEY: its values, one a line. kn_setting KEY [DEFAULT]: the first.
kn_settings() {
    awk -v k="set | $1" '$0 == k { print ""; next } index($0, k " ") == 1 { print substr($0, length(k) + 2) }' "$KN_TMP/bundle"
}

kn_setting() {
    kn_value=$(kn_settings "$1" | head -n 1)
    printf '%s' "${kn_value:-${2:-}}"
}

kn_content() {
    awk -v p="$1 |" 'index($0, p) == 1 { l = substr($0, length(p) + 1); sub(/^ /, "", l); print l }' "$KN_TMP/bundle"
}

# ---------------------------------------------------------------------------------------------------------------------
# Files with a way back.

kn_stat() {
    if [ -f "$1" ]; then
        printf '%s %s' "$(sha256sum <"$1" | cut -d' ' -f1)" "$(stat -c '0%a %U:%G' "$1")"
    else
        printf 'nothing'
    fi
}

# kn_id PATH: a file name for PATH inside the record.
kn_id() { printf '%s' "$1" | sha256sum | cut -c1-16; }

# kn_keep DIR PATH: note in DIR/list what stands at PATH and keep a copy, once; the note comes after the copy and before
# any change, so what is noted can always be put back.
kn_keep() {
    (umask 077 && mkdir -p "$1")
    kn_kept=$(kn_id "$2")
    ! grep -q " $kn_kept " "$1/list" 2>/dev/null || return 0
    if [ -e "$2" ] || [ -L "$2" ]; then
        rm -rf "${1:?}/$kn_kept"
        cp -a "$2" "$1/$kn_kept"
        sync "$1/$kn_kept" 2>/dev/null || :
        printf 'present %s %s\n' "$kn_kept" "$2" >>"$1/list"
    else
        printf 'absent %s %s\n' "$kn_kept" "$2" >>"$1/list"
    fi
    sync "$1/list"
}

# kn_put_back DIR PATH: what kn_keep kept; also what a kn_put that was cut off left beside it.
kn_put_back() {
    rm -f "$2.kubenode-new"
    kn_kept=$(kn_id "$2")
    case $(grep " $kn_kept " "$1/list" 2>/dev/null | cut -d' ' -f1) in
    present)
        mkdir -p "$(dirname "$2")"
        cp -a "$1/$kn_kept" "$2.kubenode-new"
        sync "$2.kubenode-new" 2>/dev/null || :
        mv -fT "$2.kubenode-new" "$2"
        ;;
    absent) rm -f "$2" ;;
    esac
}

# kn_drop DIR: all of it at once, so that a kill leaves no list whose copies are gone.
kn_drop() {
    [ -d "$1" ] || return 0
    rm -rf "$1.gone"
    mv "$1" "$1.gone"
    rm -rf "$1.gone"
}

# kn_put NAME PATH MODE OWNER SOURCE: PATH gets the content of SOURCE if it differs in content, mode or owner.
# Adds NAME to KN_CHANGED then.
kn_put() {
    kn_new=$(sha256sum <"$5" | cut -d' ' -f1)
    printf '%s %s %s %s\n' "$kn_new" "$3" "$4" "$2" >>"$KN_TMP/owned"
    [ -L "$2" ] || [ "$(kn_stat "$2")" != "$kn_new $3 $4" ] || return 0
    [ ! -d "$2" ] || kn_die "$2 is a directory; a file belongs there. Move it away and try again."
    kn_keep "$KN_R/prior" "$2"
    kn_keep "$KN_R/undo" "$2"
    kn_mkdir "$(dirname "$2")"
    (umask 077 && cp "$5" "$2.kubenode-new")
    chown "$4" "$2.kubenode-new"
    chmod "$3" "$2.kubenode-new"
    sync "$2.kubenode-new"
    printf '%s %s\n' "$kn_new" "$2" >>"$KN_R/undo/new"
    mv -fT "$2.kubenode-new" "$2"
    KN_CHANGED="$KN_CHANGED$1 "
    kn_say "changed $2"
}

# kn_mkdir DIR [MODE]: with its parents; what did not exist is noted, and goes again when it is empty.
kn_mkdir() {
    [ ! -d "$1" ] || return 0
    kn_mkdir "$(dirname "$1")"
    grep -qxF "$1" "$KN_R/dirs" 2>/dev/null || printf '%s\n' "$1" >>"$KN_R/dirs"
    [ -d "$1" ] || mkdir -m "${2:-0755}" "$1"
}

# kn_put_files: every file of the bundle; a file of an earlier bundle that is not in this one is given back.
kn_put_files() {
    while read -r kn_word _ kn_name kn_fmode kn_fowner kn_fpath; do
        [ "$kn_word" = file ] || continue
        if [ -n "${KN_SKIP_FILE:-}" ] && [ "$kn_name" = "$KN_SKIP_FILE" ]; then continue; fi
        (umask 077 && kn_content "$kn_name" >"$KN_TMP/file")
        kn_put "$kn_name" "$kn_fpath" "$kn_fmode" "$kn_fowner" "$KN_TMP/file"
    done <"$KN_TMP/bundle"
    rm -f "$KN_TMP/file"
}

# kn_drop_stale: call after all kn_put of an apply.
kn_drop_stale() {
    [ -e "$KN_R/owned" ] || return 0
    touch "$KN_TMP/owned"
    cut -d' ' -f4- "$KN_TMP/owned" >"$KN_TMP/wanted"
    while read -r _ _ _ kn_path; do
        ! grep -qxF "$kn_path" "$KN_TMP/wanted" || continue
        kn_keep "$KN_R/undo" "$kn_path"
        kn_id "$kn_path" >>"$KN_R/undo/stale"
        kn_put_back "$KN_R/prior" "$kn_path"
        KN_CHANGED="$KN_CHANGED$(basename "$kn_path") "
        kn_say "gave back $kn_path"
    done <"$KN_R/owned"
}

kn_changed() {
    for kn_name in "$@"; do
        case $KN_CHANGED in *" $kn_name "*) return 0 ;; esac
    done
    return 1
}

# kn_commit: the apply counts from the moment its write-ahead note is renamed. kn_settle: the rest, also after a kill.
kn_commit() {
    touch "$KN_TMP/owned"
    sort -u "$KN_TMP/owned" >"$KN_R/owned.new"
    touch "$KN_TMP/expected"
    sort -u "$KN_TMP/expected" >"$KN_R/expected.new"
    sync "$KN_R/owned.new" "$KN_R/expected.new"
    mkdir -p "$KN_R/undo"
    mv "$KN_R/undo" "$KN_R/done"
    kn_settle
}

kn_settle() {
    [ -d "$KN_R/done" ] || return 0
    for kn_list in owned expected; do
        [ ! -e "$KN_R/$kn_list.new" ] || mv -f "$KN_R/$kn_list.new" "$KN_R/$kn_list"
    done
    # What was given back is not ours any more: whoever makes such a file from now on keeps it.
    if [ -e "$KN_R/done/stale" ]; then
        grep -vF -f "$KN_R/done/stale" "$KN_R/prior/list" >"$KN_R/prior/list.new" || :
        mv -f "$KN_R/prior/list.new" "$KN_R/prior/list"
    fi
    rm -rf "$KN_R/done"
}

# kn_take_back WHY: undo the apply that its write-ahead note describes. The part then starts its services anew.
kn_take_back() {
    [ -e "$KN_R/undo/list" ] || return 0
    while read -r _ kn_copy kn_path; do
        kn_note_mending "$kn_copy" "$kn_path"
        kn_put_back "$KN_R/undo" "$kn_path"
    done <"$KN_R/undo/list"
    kn_drop "$KN_R/undo"
    KN_CHANGED="${KN_CHANGED}taken-back "
    kn_say "took back $1"
}

# kn_note_mending ID PATH: neither what was there nor what the apply that was cut off wrote, so somebody mended it by hand.
kn_note_mending() {
    [ -f "$2" ] || return 0
    ! cmp -s "$2" "$KN_R/undo/$1" && ! cmp -s "$2" "$KN_R/prior/$1" || return 0
    grep -qxF "$(sha256sum <"$2" | cut -d' ' -f1) $2" "$KN_R/undo/new" 2>/dev/null || kn_set_aside "$2"
}

# kn_note_edits: a file that somebody changed since our last apply is kept aside before it is written again.
kn_note_edits() {
    [ -e "$KN_R/owned" ] || return 0
    while read -r kn_sum _ _ kn_path; do
        [ -f "$kn_path" ] || continue
        [ "$(sha256sum <"$kn_path" | cut -d' ' -f1)" != "$kn_sum" ] || continue
        ! kn_changed taken-back || continue
        kn_set_aside "$kn_path"
    done <"$KN_R/owned"
}

kn_set_aside() {
    (umask 077 && mkdir -p "$KN_R/edited")
    cp -a "$1" "$KN_R/edited/$(basename "$1").$(date -u +%Y%m%dT%H%M%SZ)"
    kn_say "$1 was edited since the last apply; that version is kept in $KN_R/edited"
}

# kn_restore_files: each file as it was before this part first touched it, then the directories that we made.
kn_restore_files() {
    if [ -e "$KN_R/prior/list" ]; then
        while read -r _ _ kn_path; do kn_put_back "$KN_R/prior" "$kn_path"; done <"$KN_R/prior/list"
    fi
    [ ! -e "$KN_R/dirs" ] || sort -r "$KN_R/dirs" | while read -r kn_dir; do
        [ ! -d "$kn_dir" ] || rmdir "$kn_dir" 2>/dev/null || kn_say "$kn_dir is not empty and stays"
    done
}

# ---------------------------------------------------------------------------------------------------------------------
# Downloads: verified before anything is changed, gone afterwards.

# kn_fetch URL SHA256: prints the path of the verified file. A cut-off download is continued.
kn_fetch() {
    kn_dir=$KN_RECORD/downloads
    mkdir -p "$kn_dir"
    kn_file=$kn_dir/$2
    if [ ! -e "$kn_file" ]; then
        kn_sum=
        if [ -s "$kn_file.part" ] && kn_download "$1" -C -; then kn_sum=$(sha256sum <"$kn_file.part" | cut -d' ' -f1); fi
        # Also if what was continued turns out to be the beginning of something else.
        if [ "$kn_sum" != "$2" ]; then
            kn_download "$1" || kn_download "$1" -C - ||
                kn_die "cannot download $1: $(tail -n 1 "$KN_TMP/log"). Check the URL, 'downloads.mirror' and that the host reaches it."
            kn_sum=$(sha256sum <"$kn_file.part" | cut -d' ' -f1)
        fi
        if [ "$kn_sum" != "$2" ]; then
            rm -f "$kn_file.part"
            kn_die "$1 has SHA-256 $kn_sum, expected $2. Nothing was changed. Check the mirror, or correct the checksum."
        fi
        mv "$kn_file.part" "$kn_file"
    fi
    printf '%s' "$kn_file"
}

kn_download() {
    kn_url_now=$1
    shift
    kn_try_online 900 curl -fsSL --retry 3 --retry-connrefused --connect-timeout 10 "$@" -o "$kn_file.part" "$kn_url_now"
}

# kn_artifact_current NAME SHA256: is what was unpacked from that download still in place?
kn_artifact_current() {
    [ -e "$KN_R/artifacts" ] || return 1
    grep -q "^$1 $2 " "$KN_R/artifacts" || return 1
    grep "^$1 $2 " "$KN_R/artifacts" | while read -r _ _ kn_sum kn_mode kn_owner kn_path; do
        [ "$(kn_stat "$kn_path")" = "$kn_sum $kn_mode $kn_owner" ] || exit 1
    done
}

# kn_fetch_artifacts: before any change. kn_put_artifacts: puts them in place and notes which download they came from.
kn_fetch_artifacts() {
    grep '^artifact | ' "$KN_TMP/bundle" >"$KN_TMP/artifacts" || return 0
    : >"$KN_TMP/current"
    while read -r _ _ kn_name _ _ kn_sum kn_url _; do
        if kn_artifact_current "$kn_name" "$kn_sum"; then
            printf '%s\n' "$kn_name" >>"$KN_TMP/current"
        else
            kn_fetch "$kn_url" "$kn_sum" >/dev/null
        fi
    done <"$KN_TMP/artifacts"
}

kn_put_artifacts() {
    : >"$KN_TMP/artifacts.record"
    if [ -s "$KN_TMP/artifacts" ]; then
        while read -r _ _ kn_aname kn_amode kn_apath kn_asum kn_aurl kn_member; do
            if grep -qxF "$kn_aname" "$KN_TMP/current"; then
                grep "^$kn_aname $kn_asum " "$KN_R/artifacts" | tee -a "$KN_TMP/artifacts.record" | cut -d' ' -f3- >>"$KN_TMP/owned"
                continue
            fi
            kn_archive=$(kn_fetch "$kn_aurl" "$kn_asum")
            kn_unpacked=$KN_RECORD/downloads/unpacked
            rm -rf "$kn_unpacked"
            mkdir -p "$kn_unpacked"
            case $kn_apath in
            */)
                kn_run 300 tar -xzf "$kn_archive" -C "$kn_unpacked" --no-same-owner
                # What lies below the member, or all.
                find "$kn_unpacked/$kn_member" -type f | sort >"$KN_TMP/members"
                while read -r kn_source; do
                    kn_put_artifact "$kn_aname" "$kn_apath${kn_source#"$kn_unpacked/$kn_member"}" "$kn_source"
                done <"$KN_TMP/members"
                ;;
            *)
                kn_source=$kn_archive
                if [ -n "$kn_member" ]; then
                    kn_run 300 tar -xzf "$kn_archive" -C "$kn_unpacked" --no-same-owner "$kn_member"
                    kn_source=$kn_unpacked/$kn_member
                fi
                kn_put_artifact "$kn_aname" "$kn_apath" "$kn_source"
                ;;
            esac
        done <"$KN_TMP/artifacts"
    fi
    cp "$KN_TMP/artifacts.record" "$KN_R/artifacts"
    rm -rf "$KN_RECORD/downloads"
}

kn_put_artifact() {
    kn_put "$1" "$2" "$kn_amode" root:root "$3"
    printf '%s %s %s %s\n' "$1" "$kn_asum" "$(kn_stat "$2")" "$2" >>"$KN_TMP/artifacts.record"
}

# ---------------------------------------------------------------------------------------------------------------------
# The clock.

# kn_clock_skew: what is wrong with this host's clock, by that of the bundle's API server. Nothing if it is right enough,
# and nothing if there is no curl or no answer: then no clock was compared.
kn_clock_skew() {
    command -v curl >/dev/null || return 0
    # Whoever answers, for the CA is not here yet: a wrong date can do no worse than have the host refused.
    kn_theirs=$(curl -ksS -m 5 --noproxy '*' -o /dev/null -D - "$(kn_setting server)/version" 2>>"$KN_TMP/log" |
        tr -d '\r' | sed -n 's/^[Dd]ate: //p' | head -n 1)
    [ -n "$kn_theirs" ] && kn_theirs=$(date -u -d "$kn_theirs" +%s 2>>"$KN_TMP/log") || return 0
    kn_ours=$(date -u +%s)
    kn_skew=$((kn_ours - kn_theirs))
    [ "${kn_skew#-}" -gt "$(kn_setting max-clock-skew-seconds 30)" ] || return 0
    kn_ntp=$(timeout 5 timedatectl show -p NTPSynchronized --value 2>/dev/null || :)
    case $kn_ntp in
    yes) kn_ntp="This host is synchronised by NTP, so look at the API server's clock too" ;;
    no) kn_ntp="This host is not synchronised by NTP: 'timedatectl set-ntp true'" ;;
    *) kn_ntp="Set the clock by NTP" ;;
    esac
    printf 'the clock is at %s, that of the API server at %s: %s s apart, host.maxClockSkewSeconds allows %s. %s' \
        "$(date -u -d "@$kn_ours" +%FT%TZ)" "$(date -u -d "@$kn_theirs" +%FT%TZ)" "${kn_skew#-}" \
        "$(kn_setting max-clock-skew-seconds 30)" "$kn_ntp"
}

# ---------------------------------------------------------------------------------------------------------------------
# Units.

# kn_note_unit UNIT: its state before we first changed it: "UNIT enabled-state active-state".
kn_note_unit() {
    ! grep -q "^$1 " "$KN_R/units" 2>/dev/null || return 0
    kn_enabled=$(systemctl is-enabled "$1" 2>/dev/null || :)
    kn_active=$(systemctl is-active "$1" 2>/dev/null || :)
    printf '%s %s %s\n' "$1" "${kn_enabled:-none}" "${kn_active:-inactive}" >>"$KN_R/units"
}

# kn_restore_units [UNIT...]: these or all, before the unit files are given back. A unit that we brought is stopped and
# disabled.
kn_restore_units() {
    [ -e "$KN_R/units" ] || return 0
    while read -r kn_unit kn_enabled kn_active; do
        case " ${*:-$kn_unit} " in *" $kn_unit "*) ;; *) continue ;; esac
        case $kn_active in
        active | activating) ;;
        *) kn_stop "$kn_unit" ;;
        esac
        case $kn_enabled in
        enabled) kn_try 60 systemctl enable "$kn_unit" || : ;;
        *) kn_try 60 systemctl disable "$kn_unit" || : ;;
        esac
    done <"$KN_R/units"
}

# kn_stop UNIT: also one whose file is gone.
kn_stop() {
    kn_try 120 systemctl stop "$1" || kn_try 30 systemctl kill -s KILL "$1" || :
    kn_try 10 systemctl reset-failed "$1" || :
}

kn_daemon_reload() { kn_run 60 systemctl daemon-reload; }

# kn_start UNIT TIMEOUT HEALTH CAUSE...: enabled and running. Restarted only if one of the named CAUSEs changed. If
# HEALTH does not hold in TIMEOUT seconds, the previous files come back, every unit that this apply started too, and the
# part fails with the unit's last journal lines.
kn_start() {
    kn_sunit=$1
    kn_stimeout=$2
    kn_health=$3
    shift 3
    kn_begin=$(kn_now)
    kn_note_unit "$kn_sunit"
    kn_expect unit "$kn_sunit"
    systemctl is-enabled -q "$kn_sunit" 2>/dev/null || kn_run 60 systemctl enable "$kn_sunit"
    if kn_changed taken-back "$@"; then
        kn_daemon_reload
        kn_try 120 systemctl reset-failed "$kn_sunit" || :
        kn_restarted=restarted
        KN_STARTED="$KN_STARTED $kn_sunit"
        systemctl is-active -q "$kn_sunit" || kn_restarted=started
        kn_restart "$kn_sunit" || kn_roll_back "$kn_sunit"
    elif ! systemctl is-active -q "$kn_sunit"; then
        kn_restarted=started
        KN_STARTED="$KN_STARTED $kn_sunit"
        kn_try 180 systemctl start "$kn_sunit" || kn_roll_back "$kn_sunit"
    else
        kn_restarted=
    fi
    kn_wait "$kn_stimeout" "$kn_health" || kn_roll_back "$kn_sunit"
    [ -z "$kn_restarted" ] || kn_say "$kn_restarted $kn_sunit, healthy after $(($(kn_now) - kn_begin)) s"
}

# kn_restart UNIT: a part may have a way of its own, and put it in place of this.
kn_restart() { kn_try 180 systemctl restart "$1"; }

# kn_roll_back UNIT: never returns.
kn_roll_back() {
    kn_took=$(($(kn_now) - kn_begin))
    kn_journal=$(journalctl -u "$1" -n 60 --no-pager -o cat 2>/dev/null | grep -v ' FLAG: ' | tail -n 12 | kn_shorten)
    if [ ! -e "$KN_R/undo/list" ]; then
        kn_then="None of its files had changed; it was left as it is."
    else
        # A unit that ran before this apply runs again; one that came with it is stopped while its file is there.
        kn_again=
        for kn_name in $KN_STARTED; do
            if [ -e "$KN_R/owned" ] || grep -q "^$kn_name [^ ]* active" "$KN_R/units"; then
                kn_again="$kn_again $kn_name"
            else
                kn_restore_units "$kn_name"
            fi
        done
        kn_take_back "the change, because $1 did not get healthy"
        kn_try 60 systemctl daemon-reload || :
        for kn_unit in $kn_again; do
            kn_try 10 systemctl reset-failed "$kn_unit" || :
            kn_restart "$kn_unit" || :
        done
        case " $kn_again " in
        *" $1 "*)
            kn_then="The previous files are back and $1 runs with them."
            kn_wait 60 "$kn_health" || kn_then="The previous files are back, but $1 does not run with them either."
            ;;
        *) kn_then="The previous files are back." ;;
        esac
    fi
    printf '%s\n' "$kn_journal" >"$KN_TMP/journal"
    printf 'kubenode: %s: %s %s: %s is not healthy after %s s. %s Its last journal lines:\n%s\n' \
        "$(kn_where)" "$KN_PART" "$KN_VERB" "$1" "$kn_took" "$kn_then" "$kn_journal" >>"$KN_TMP/die"
    exit 1
}

# ---------------------------------------------------------------------------------------------------------------------
# Packages, by the tools of the host's family. Lists and archives go into our own record, so the host's caches stay as
# they are.

# kn_os KEY: a word of /etc/os-release.
kn_os() { sed -n "s/^$1=//p" /etc/os-release 2>/dev/null | tr -d "\"'" | head -n 1; }

# kn_family: debian (apt-get, dpkg), redhat (dnf, rpm), or nothing: a system that is not supported.
kn_family() {
    case " $(kn_os ID) $(kn_os ID_LIKE) " in
    *" debian "* | *" ubuntu "*) printf debian ;;
    *" fedora "* | *" rhel "* | *" centos "*) printf redhat ;;
    esac
}
KN_FAMILY=$(kn_family)

KN_LISTS=$KN_RECORD/apt/lists
KN_APT="-o Dir::State::lists=$KN_LISTS -o Dir::Cache=$KN_RECORD/apt/cache -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -o Dpkg::Options::=--force-confold -o APT::Install-Recommends=false -o Dpkg::Use-Pty=0"
KN_SOURCES=$KN_RECORD/apt/sources.list
KN_DNF="-y --setopt=cachedir=$KN_RECORD/dnf --setopt=keepcache=False --setopt=install_weak_deps=False --setopt=clean_requirements_on_remove=False"

# kn_apt SECONDS ARGUMENT..., kn_dnf SECONDS ARGUMENT...: bounded; a failure ends the part with the tool's last words.
kn_apt() {
    kn_seconds=$1
    shift
    mkdir -p "$KN_LISTS/partial" "$KN_RECORD/apt/cache/archives/partial"
    kn_from=
    [ ! -e "$KN_SOURCES" ] || kn_from="-o Dir::Etc::SourceList=$KN_SOURCES -o Dir::Etc::SourceParts=/dev/null"
    kn_mark
    # shellcheck disable=SC2086 # the options are words
    kn_try_online "$kn_seconds" apt-get $kn_from $KN_APT "$@" || kn_die "'apt-get $*' $(kn_ending $? "$kn_seconds"):
$({ kn_unreachable; kn_words | kn_worst '^(E: |Err:|dpkg: error)'; } | awk '!seen[$0]++')"
}

# kn_worst PATTERN: the first lines that say what is wrong, which may stand far above the end, then the last.
kn_worst() { awk -v p="$1" '$0 ~ p && n++ < 5; { line[NR] = $0 } END { for (i = NR > 8 ? NR - 7 : 1; i <= NR; i++) print line[i] }'; }

# kn_unreachable: sources that did not answer. apt goes on without them, and then knows no package.
kn_unreachable() {
    grep '^[WE]: Failed to fetch' "$KN_TMP/log" >"$KN_TMP/unreachable" || return 0
    printf "Package sources do not answer: check the host's network, host.packageMirror and host.proxy.\n"
    # Not head, which leaves: SIGPIPE is ignored, and a writer without a reader complains.
    sort -u "$KN_TMP/unreachable" | sed -n 1,3p
}

kn_dnf() {
    kn_seconds=$1
    shift
    mkdir -p "$KN_RECORD/dnf"
    kn_mark
    # shellcheck disable=SC2086
    kn_try_online "$kn_seconds" dnf $KN_DNF "$@" || kn_die "'dnf $*' $(kn_ending $? "$kn_seconds"):
$(kn_words | kn_worst '^(Error|error|Failed)' | awk '!seen[$0]++')"
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
        rpm -q --qf '%{EPOCHNUM}:%{VERSION}-%{RELEASE}\n' "$1" | head -n 1
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

# kn_keep_accounts, kn_restore_accounts: packages add groups and users and leave them behind when they are purged.
kn_keep_accounts() {
    [ ! -d "$KN_R/accounts" ] || return 0
    (umask 077 && mkdir -p "$KN_R/accounts.new")
    for kn_file in group gshadow passwd shadow subuid subgid group- gshadow- passwd- shadow- subuid- subgid-; do
        [ ! -e "/etc/$kn_file" ] || cp -a "/etc/$kn_file" "$KN_R/accounts.new/$kn_file"
    done
    mv "$KN_R/accounts.new" "$KN_R/accounts"
}

kn_restore_accounts() {
    [ -d "$KN_R/accounts" ] || return 0
    for kn_pair in passwd:userdel group:groupdel; do
        cut -d: -f1 "/etc/${kn_pair%:*}" | while read -r kn_account; do
            ! grep -q "^$kn_account:" "$KN_R/accounts/${kn_pair%:*}" || continue
            # Only those that the packages we brought created: a name that our parts list.
            case " ${KN_ACCOUNTS:-} " in *" $kn_account "*) kn_try 30 "${kn_pair#*:}" "$kn_account" || : ;; esac
        done
    done
    # The tools keep the file before last as "NAME-". If nothing but our own accounts came and went, those are as before.
    for kn_file in group gshadow passwd shadow subuid subgid; do
        [ -e "$KN_R/accounts/$kn_file" ] || continue
        cmp -s "/etc/$kn_file" "$KN_R/accounts/$kn_file" || continue
        if [ -e "$KN_R/accounts/$kn_file-" ]; then cp -a "$KN_R/accounts/$kn_file-" "/etc/$kn_file-"; else rm -f "/etc/$kn_file-"; fi
    done
}

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

# ---------------------------------------------------------------------------------------------------------------------
# Kernel settings: "KEY PRIOR OURS" for each that we, or what we start, sets.

kn_sysctl_path() { printf '/proc/sys/%s' "$(printf '%s' "$1" | tr . /)"; }

kn_sysctl_get() { tr '\t' ' ' <"$(kn_sysctl_path "$1")" 2>/dev/null; }

# kn_module_there MODULE: loaded, or built into the kernel, as far as that can be seen.
kn_module_there() {
    case $1 in
    br_netfilter) [ -d /proc/sys/net/bridge ] ;;
    overlay) grep -qw overlay /proc/filesystems ;;
    nf_conntrack) [ -d /proc/sys/net/netfilter ] ;;
    *) [ -d "/sys/module/$(printf '%s' "$1" | tr - _)" ] ;;
    esac
}

# kn_note_sysctl KEY OURS: remember the value from before, once, and each that we, or what we start, gave it since.
kn_note_sysctl() {
    [ -e "$(kn_sysctl_path "$1")" ] || return 0
    kn_noted=$(grep -m 1 "^$1	" "$KN_R/sysctls" 2>/dev/null || printf '%s\t%s\t' "$1" "$(kn_sysctl_get "$1")")
    kn_noted=${kn_noted%	*}
    grep -qxF "$kn_noted	$2" "$KN_R/sysctls" 2>/dev/null || printf '%s\t%s\n' "$kn_noted" "$2" >>"$KN_R/sysctls"
}

# kn_restore_sysctls: a value that is still ours (or "*": whatever it became) goes back to what it was.
kn_restore_sysctls() {
    [ -e "$KN_R/sysctls" ] || return 0
    cut -f1,2 "$KN_R/sysctls" | sort -u | while IFS='	' read -r kn_key kn_prior; do
        [ -e "$(kn_sysctl_path "$kn_key")" ] || continue
        kn_present=$(kn_sysctl_get "$kn_key" || :)
        [ "$kn_present" != "$kn_prior" ] || continue
        if printf '%s\t%s\t%s\n' "$kn_key" "$kn_prior" "$kn_present" "$kn_key" "$kn_prior" '*' | grep -qxF -f - "$KN_R/sysctls"; then
            printf '%s\n' "$kn_prior" >"$(kn_sysctl_path "$kn_key")" 2>>"$KN_TMP/log" || kn_say "could not set $kn_key back to $kn_prior"
        else
            kn_say "$kn_key is $kn_present by now, not ours: it stays"
        fi
    done
}

# ---------------------------------------------------------------------------------------------------------------------
# Packet filter.

# kn_delete_chains PATTERN: in every table of both families, the chains whose name matches and the rules that lead to
# them. Nothing else is touched: neither foreign rules nor policies.
kn_delete_chains() {
    for kn_family in iptables ip6tables; do
        command -v "$kn_family-save" >/dev/null || continue
        "$kn_family-save" 2>>"$KN_TMP/log" | awk -v p="^($1)\$" '
            /^\*/ { table = $0; del = ""; end = ""; next }
            /^:/ { name = substr($1, 2); if (name ~ p) { ours[name] = 1; end = end "-F " name "\n"; x = x "-X " name "\n" } next }
            /^-A/ {
                # A comment may hold any words.
                line = $0; gsub(/"([^"\\]|\\.)*"/, "\"\""); n = split($0, word, " ")
                for (i = 3; i < n; i++) if ((word[i] == "-j" || word[i] == "-g") && word[i + 1] ~ p && !(word[2] in ours)) {
                    sub(/^-A/, "-D", line); del = del line "\n"; break }
                next
            }
            /^COMMIT/ { if (del end x != "") printf "%s\n%s%s%sCOMMIT\n", table, del, end, x; del = end = x = ""; delete ours }
        ' >"$KN_TMP/chains"
        [ ! -s "$KN_TMP/chains" ] || kn_try 60 "$kn_family-restore" --noflush -w 30 "$KN_TMP/chains" ||
            kn_say "some $kn_family chains could not be deleted: $(tail -n 1 "$KN_TMP/log")"
    done
}

# kn_delete_proxy_rules: what kubelet and kube-proxy, in whatever mode, left in the packet filter.
kn_delete_proxy_rules() {
    kn_delete_chains 'KUBE-.*'
    if command -v nft >/dev/null; then
        for kn_family in ip ip6; do kn_try 20 nft delete table "$kn_family" kube-proxy || :; done
    fi
    [ ! -d /sys/class/net/kube-ipvs0 ] || kn_try 20 ip link delete kube-ipvs0 || :
    kn_delete_empty_tables
}

# kn_note_tables: which nft tables and chains there were before this part. kn_delete_empty_tables: those that came since
# and hold neither a rule nor a policy other than accept.
kn_note_tables() {
    command -v nft >/dev/null || return 0
    [ ! -e "$KN_R/nft" ] || return 0
    kn_tables >"$KN_R/nft.new"
    mv "$KN_R/nft.new" "$KN_R/nft"
}

# kn_tables: "FAMILY TABLE CHAIN" of each chain that could be deleted without loss or had rules then, and
# "FAMILY TABLE" of each table; a word in front says whether it is empty.
kn_tables() {
    nft list ruleset 2>/dev/null | awk '
        $1 == "table" { family = $2; table = $3; used = 0; next }
        $1 == "chain" { chain = $2; rules = 0; in_chain = 1; next }
        in_chain && $1 == "type" && /hook/ { if ($0 !~ /policy accept/) rules = 1; next }
        $1 == "}" && in_chain { print (rules ? "used" : "empty"), family, table, chain; if (rules) used = 1; in_chain = 0; next }
        $1 == "}" { print (used ? "used" : "empty"), family, table; next }
        in_chain && NF { rules = 1; next }
        NF && $1 !~ /^#/ { used = 1 }' | sort
}

kn_delete_empty_tables() {
    command -v nft >/dev/null && [ -e "$KN_R/nft" ] || return 0
    kn_tables | sed -n 's/^empty //p' >"$KN_TMP/empty"
    cut -d' ' -f2- "$KN_R/nft" >"$KN_TMP/nft-before"
    # Chains first: a table that still has one cannot be told empty.
    for kn_words in 3 2; do
        awk -v n="$kn_words" 'NF == n' "$KN_TMP/empty" | while read -r kn_family kn_table kn_chain; do
            ! grep -qxF "$kn_family $kn_table${kn_chain:+ $kn_chain}" "$KN_TMP/nft-before" || continue
            if [ -n "$kn_chain" ]; then
                kn_try 30 nft delete chain "$kn_family" "$kn_table" "$kn_chain" || :
            else
                kn_try 30 nft delete table "$kn_family" "$kn_table" || :
            fi
        done
    done
}

# ---------------------------------------------------------------------------------------------------------------------
# Pods and what they leave.

# kn_empty_dir DIR: its content, never across a file system, and not while anything is mounted below it. A link to the
# place where the data really is stays a link.
kn_empty_dir() {
    [ -d "$1" ] || return 0
    kn_real=$(readlink -f "$1")
    awk -v d="$kn_real/" 'index($2, d) == 1 { print $2 }' /proc/self/mounts | sort -r >"$KN_TMP/mounts"
    while read -r kn_mount; do kn_try 30 umount "$kn_mount" || kn_try 30 umount -l "$kn_mount" || :; done <"$KN_TMP/mounts"
    ! awk -v d="$kn_real/" 'index($2, d) == 1 { f = 1 } END { exit !f }' /proc/self/mounts ||
        kn_die "something is still mounted below $1; unmount it and try again. Nothing in it was deleted."
    find "$kn_real" -xdev -mindepth 1 -delete
}

# kn_cri_call METHOD FIELD1: one call of the CRI whose request has at most one field, number 1, a text below 128 bytes.
kn_cri_call() {
    kn_length=${#2}
    if [ "$kn_length" -eq 0 ]; then
        printf '\0\0\0\0\0'
    else
        # shellcheck disable=SC2059 # the format is the octal escape
        { printf '\0\0\0\0'; printf "\\$(printf '%o' $((kn_length + 2)))"; printf '\012'; printf "\\$(printf '%o' "$kn_length")"; printf '%s' "$2"; }
    fi >"$KN_TMP/request"
    timeout 60 curl -sS --http2-prior-knowledge --unix-socket "$KN_CRI_SOCKET" -H 'content-type: application/grpc' -H 'te: trailers' \
        --data-binary "@$KN_TMP/request" -D "$KN_TMP/reply-head" -o "$KN_TMP/reply" "http://localhost/runtime.v1.RuntimeService/$1" &&
        grep -qi '^grpc-status: 0' "$KN_TMP/reply-head"
}

# kn_note_dirs DIR...: which of them there were before this part, and how; an earlier part of ours may have noted the
# same one before it put something there. kn_drop_dir DIR: what came since goes.
kn_note_dirs() {
    for kn_dir in "$@"; do
        ! grep -q " $kn_dir\$" "$KN_R/dirs-before" 2>/dev/null || continue
        kn_noted=$(grep -hs " $kn_dir\$" "$KN_RECORD"/parts/*/dirs-before | head -n 1 || :)
        if [ -n "$kn_noted" ]; then
            printf '%s\n' "$kn_noted"
        elif [ ! -d "$kn_dir" ]; then
            printf 'none - - %s\n' "$kn_dir"
        elif [ -z "$(ls -A "$kn_dir")" ]; then
            printf 'empty %s %s\n' "$(stat -Lc '0%a %U:%G' "$kn_dir")" "$kn_dir"
        else
            printf 'data - - %s\n' "$kn_dir"
        fi >>"$KN_R/dirs-before"
    done
}

# kn_note_logs: the flag --log-dir names a folder that the program does not make itself.
kn_note_logs() {
    kn_logs=$(kn_setting log-dir)
    [ -n "$kn_logs" ] || return 0
    kn_note_dirs "$kn_logs"
    mkdir -p "$kn_logs"
}

# kn_drop_noted: all folders that were ever noted, for a flag may have named another one before.
kn_drop_noted() {
    cut -d ' ' -f 4- "$KN_R/dirs-before" >"$KN_TMP/dirs" 2>/dev/null || :
    while read -r kn_dir; do kn_drop_dir "$kn_dir"; done <"$KN_TMP/dirs"
}

kn_drop_dir() {
    [ -d "$1" ] || return 0
    kn_before=$(grep " $1\$" "$KN_R/dirs-before" 2>/dev/null || :)
    case $kn_before in
    none*)
        kn_empty_dir "$1"
        # A file system of its own that was mounted there meanwhile keeps its mount point.
        rmdir "$1" 2>/dev/null || kn_say "$1 is a mount point and stays, empty"
        ;;
    empty*)
        kn_empty_dir "$1"
        printf '%s\n' "$kn_before" | while read -r _ kn_mode kn_owner _; do
            chmod "$kn_mode" "$1"
            chown "$kn_owner" "$1"
        done
        ;;
    *) kn_say "$1 held data before us and stays" ;;
    esac
}
