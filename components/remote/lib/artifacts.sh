# shellcheck shell=sh
# Downloads: verified before anything is changed, gone afterwards.
#
# Owns artifacts and downloads/ of the record.

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
