# shellcheck shell=sh
# A check: what is not as it was applied. Reads only.
#
# Owns expected of the record, and the words of a finding.

# kn_check PART: reads only; one line for each thing that is not as it was applied. Exit code 1 if there is any. With
# KN_FINDINGS set the lines go there instead, as words between tabs.
kn_check() {
    KN_R=$KN_RECORD/parts/$1
    : >"$KN_TMP/findings"
    [ ! -e "$KN_R/undo/list" ] || kn_differs "the last apply" finished "cut off"
    kn_check_files
    kn_check_folders
    kn_check_expected
    kn_tell_findings
}

# kn_differs THING EXPECTED FOUND: told once, if two rules find the same.
kn_differs() {
    for kn_text in "$KN_PART" "$@"; do
        printf '%s\t' "$(printf '%s' "${kn_text:-nothing}" | tr -d '[:cntrl:]' | cut -c1-300)"
    done >"$KN_TMP/finding"
    echo >>"$KN_TMP/finding"
    grep -qxFf "$KN_TMP/finding" "$KN_TMP/findings" || cat "$KN_TMP/finding" >>"$KN_TMP/findings"
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
        elif [ -d "$kn_path" ]; then
            kn_found="a directory"
        elif [ "$kn_found" = "$kn_sum $kn_mode $kn_owner" ]; then
            continue
        fi
        # Of what is closed to others not even a digest is told: a short secret can be guessed from it.
        case $kn_mode in
        0?00)
            kn_wanted="$kn_mode $kn_owner, content as applied"
            case $kn_found in
            nothing | "a link"* | "a directory") ;;
            "$kn_sum "*) kn_found="${kn_found#* }, content as applied" ;;
            *) kn_found="${kn_found#* }, other content" ;;
            esac
            ;;
        *)
            kn_wanted="$kn_mode $kn_owner sha256 $kn_sum"
            case $kn_found in nothing | "a link"* | "a directory") ;; *) kn_found="${kn_found#* } sha256 ${kn_found%% *}" ;; esac
            ;;
        esac
        kn_differs "$kn_path" "$kn_wanted" "$kn_found"
    done <"$kn_list"
}

kn_check_folders() {
    kn_open_folders >"$KN_TMP/open"
    while read -r kn_path kn_found; do kn_differs "$kn_path" "${KN_CLOSED#* }, writable by root alone" "$kn_found"; done <"$KN_TMP/open"
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
        hold) kn_tool is_held "$kn_name" || kn_differs "package $kn_name" "on hold" "not on hold" ;;
        folder)
            # shellcheck disable=SC2086 # names of files are words
            kn_strangers "$kn_name" $kn_value >"$KN_TMP/strangers"
            while IFS= read -r kn_path; do kn_differs "$kn_path" "no such file" "a file that is not ours"; done <"$KN_TMP/strangers"
            ;;
        closed)
            kn_not_closed "$kn_name" "$kn_value" >"$KN_TMP/open"
            while read -r kn_path kn_found; do kn_differs "$kn_path" "$KN_CLOSED" "$kn_found"; done <"$KN_TMP/open"
            ;;
        esac
    done <"$kn_list"
}

# kn_check_unit UNIT. One whose file of ours is missing cannot be enabled: that file is told, and no more.
kn_check_unit() {
    kn_enabled=enabled
    kn_file=$(sed -n "s|^[^ ]* [^ ]* [^ ]* \(.*/$1\)\$|\1|p" "$(kn_counting owned)" 2>/dev/null | sed -n 1p || :)
    if [ -z "$kn_file" ] || [ -e "$kn_file" ]; then
        systemctl is-enabled -q "$1" 2>/dev/null || kn_enabled=$(systemctl is-enabled "$1" 2>/dev/null || :)
    fi
    kn_active=$(systemctl is-active "$1" 2>/dev/null || :)
    case $kn_active in reloading) kn_active=active ;; esac
    [ "$kn_enabled $kn_active" = "enabled active" ] ||
        kn_differs "$1" "enabled, active" "${kn_enabled:-not found}, ${kn_active:-inactive}"
}
