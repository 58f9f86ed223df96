# shellcheck shell=sh
# The way in: save all of stdin, close it, take the lock, read the header, check the claim, go.
#
# Owns the verbs' frame, the lock and the word whose host this is. Does not own how a host is claimed (host/claim.sh).

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
    # So no head at the end of a pipe, which leaves: a writer without a reader complains, and somebody reads that.
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
        kn_tell "waits for: ${kn_holder:-another kubenode command}"
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
        kn_die "this host carries no claim of $KN_CLAIM: it is another machine, or was reinstalled. Nothing was written. If the machine of $KN_NODE still runs: put its address back, 'pulumi up'; to move the node, remove it, 'pulumi up', and add it with the new address. If it is gone, or this is it, reinstalled: make forget NODE=$KN_NODE STACK=${KN_CLAIM##*/} FORCE=yes, then 'pulumi up'."
    kn_claim_is_ours ||
        kn_die "this host is claimed by $(kn_claim_text). Nothing was written. Correct the node's address; or, to put it on this host, destroy it there first."
}

kn_claim_text() { printf 'stack %s as node %s' "$(kn_field stack "$KN_RECORD/claim")" "$(kn_field node "$KN_RECORD/claim")"; }

kn_claim_is_ours() {
    [ "$(kn_field stack "$KN_RECORD/claim")" = "$KN_CLAIM" ] && [ "$(kn_field node "$KN_RECORD/claim")" = "$KN_NODE" ]
}

kn_field() { sed -n "s/^$1 //p" "$2" | sed -n 1p; }

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
    kn_close_folders
    kn_commit
    [ -z "$(kn_setting reapply)" ] || kn_setting reapply >"$KN_R/reapplied"
    # What was mended without a file being written was said.
    [ "$KN_CHANGED" != " " ] || grep -qsv '^waited for: ' "$KN_TMP/say" || kn_say "$1: nothing to change"
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
        [ -e "$kn_path" ] || { kn_put_back "$KN_R/aside" "$kn_path" && kn_say "put back $kn_path, which is not ours"; }
    done <"$KN_R/aside/list"
    kn_drop "$KN_R"
    kn_say "$1: removed"
}
