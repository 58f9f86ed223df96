# shellcheck shell=sh
# The host's clock against the API server's.

# kn_clock_skew: what is wrong with this host's clock, by that of the bundle's API server. Nothing if it is right enough,
# and nothing if there is no curl or no answer: then no clock was compared.
kn_clock_skew() {
    command -v curl >/dev/null || return 0
    # Whoever answers, for the CA is not here yet: a wrong date can do no worse than have the host refused.
    kn_theirs=$(curl -ksS -m 5 --noproxy '*' -o /dev/null -D - "$(kn_setting server)/version" 2>>"$KN_TMP/log" |
        tr -d '\r' | sed -n 's/^[Dd]ate: //p' | sed -n 1p)
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
