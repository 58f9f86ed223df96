# shellcheck shell=sh
# The bundle, read back (components/remote/bundle.py writes it).
#
# Owns its format on the host. Does not own what becomes of it.

kn_header() { awk -v k="$1 | " 'index($0, k) == 1 { print substr($0, length(k) + 1); exit }' "$KN_TMP/bundle"; }

# kn_settings KEY: its values, one a line. kn_setting KEY [DEFAULT]: the first.
kn_settings() {
    awk -v k="set | $1" '$0 == k { print ""; next } index($0, k " ") == 1 { print substr($0, length(k) + 2) }' "$KN_TMP/bundle"
}

kn_setting() {
    kn_value=$(kn_settings "$1" | sed -n 1p)
    printf '%s' "${kn_value:-${2:-}}"
}

kn_content() {
    awk -v p="$1 |" 'index($0, p) == 1 { l = substr($0, length(p) + 1); sub(/^ /, "", l); print l }' "$KN_TMP/bundle"
}
