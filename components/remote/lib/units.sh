# shellcheck shell=sh
# Units of systemd: started, found healthy, rolled back if not.
#
# Owns units of the record. Does not own when a service is healthy: each part does.

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
    kn_enable "$kn_sunit"
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

# kn_enable UNIT. One that somebody masked is meant not to run, so it is left to them.
kn_enable() {
    kn_enabled=$(systemctl is-enabled "$1" 2>/dev/null) && return 0
    case $kn_enabled in
    masked*) kn_die "$1 is masked on this host. Next: systemctl unmask $1 there, then 'pulumi up' or make reconcile" ;;
    esac
    kn_run 60 systemctl enable "$1"
}

# kn_restart UNIT: a part may have a way of its own, and put it in place of this.
kn_restart() { kn_try 180 systemctl restart "$1"; }

# kn_roll_back UNIT: never returns.
kn_roll_back() {
    kn_took=$(($(kn_now) - kn_begin))
    kn_journal=$(journalctl -u "$1" -n 60 --no-pager -o cat 2>/dev/null | grep -v ' FLAG: ' | tail -n 12 | kn_scrub | kn_shorten)
    if [ ! -e "$KN_R/undo/list" ] && [ ! -e "$KN_TMP/versions" ]; then
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
        kn_back="The previous files are back"
        [ ! -e "$KN_TMP/versions" ] || kn_back="The previous files and packages are back"
        kn_put_versions_back || kn_back="The previous files are back, but not the previous packages"
        kn_try 60 systemctl daemon-reload || :
        for kn_unit in $kn_again; do
            kn_try 10 systemctl reset-failed "$kn_unit" || :
            kn_restart "$kn_unit" || :
        done
        case " $kn_again " in
        *" $1 "*)
            kn_then="$kn_back and $1 runs with them."
            kn_wait 60 "$kn_health" || kn_then="$kn_back, but $1 does not run with them either."
            ;;
        *) kn_then="$kn_back." ;;
        esac
    fi
    printf '%s\n' "$kn_journal" >"$KN_TMP/journal"
    printf 'kubenode: %s: %s %s: %s is not healthy after %s s. %s Its last journal lines:\n%s\n' \
        "$(kn_where)" "$KN_PART" "$KN_VERB" "$1" "$kn_took" "$kn_then" "$kn_journal" >>"$KN_TMP/die"
    exit 1
}
