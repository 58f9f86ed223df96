# shellcheck shell=sh
# The container runtime's interface, called by curl.
#
# Owns how one call is made. Does not own what is asked for.

KN_CRI_SOCKET=/run/cri-dockerd.sock

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
