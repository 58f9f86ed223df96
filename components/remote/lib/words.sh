# shellcheck shell=sh
# Words to the user, and bounded steps. Words are kept in a file and printed once at the end: a part must outlive its SSH
# connection, and a write to a connection that is gone would end it in the middle.
#
# Owns what a part says, how a step fails, and what is masked in either. Does not own what a step is for.

kn_say() { printf '%s\n' "$*" >>"$KN_TMP/say"; }

# kn_tell WORD...: at once, for who waits meanwhile. What kn_say has comes at the part's end.
kn_tell() { printf 'kubenode: %s: %s %s: %s\n' "$(kn_where)" "${KN_PART:-?}" "${KN_VERB:-?}" "$*" >&2 || :; }

# kn_shorten: both ends of long lines; what is wrong with a configuration stands at the end of a journal's line.
kn_shorten() { sed 's/^\(.\{120\}\).\{60,\}\(.\{180\}\)$/\1 [...] \2/'; }

kn_die() {
    printf 'kubenode: %s: %s %s: %s\n' "$(kn_where)" "${KN_PART:-?}" "${KN_VERB:-?}" "$*" >>"$KN_TMP/die"
    exit 1
}

kn_where() { printf '%s (%s)' "${KN_NODE:-unknown node}" "${KN_HOST:-$(uname -n)}"; }

kn_finish() {
    kn_code=$?
    trap - EXIT
    set +e
    [ "$kn_code" -eq 0 ] || [ -s "$KN_TMP/die" ] ||
        printf 'kubenode: %s: %s %s: ended with %s\n%s\n' "$(kn_where)" "${KN_PART:-?}" "${KN_VERB:-?}" "$kn_code" \
            "$(tail -n 5 "$KN_TMP/log" 2>/dev/null | kn_scrub | cut -c1-200)" >>"$KN_TMP/die"
    # Scrubbed before it is cut: half a secret would not be known as one.
    if [ "$kn_code" -eq 0 ]; then
        head -n 40 "$KN_TMP/say" 2>/dev/null | kn_scrub | cut -c1-300 | kn_utf8
    else
        {
            head -n 20 "$KN_TMP/say" 2>/dev/null | kn_scrub | cut -c1-300
            head -n 20 "$KN_TMP/die" 2>/dev/null | kn_scrub | cut -c1-600
        } | kn_utf8 >&2
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

kn_words() { tail -c "+$((kn_said + 1))" "$KN_TMP/log" | kn_scrub | cut -c1-200 | grep . || printf 'It said nothing.\n'; }

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

# kn_scrub: without secrets that a tool or a service may have put into its words: logins in URLs, and whatever is a secret
# in files of ours that are closed to others.
kn_scrub() {
    kn_secrets >"$KN_TMP/scrub" 2>/dev/null || :
    awk -v secrets="$KN_TMP/scrub" '
        BEGIN { while ((getline one < secrets) > 0) word[++words] = one }
        {
            for (n = 1; n <= words; n++) {
                said = ""
                while (i = index($0, word[n])) { said = said substr($0, 1, i - 1) "***"; $0 = substr($0, i + length(word[n])) }
                $0 = said $0
            }
            gsub(/:\/\/[^\/@ "]+:[^\/@ "]+@/, "://***@"); print
        }'
}

# kn_secrets: tokens, passwords, keys and logins, one a line, of the bundle too, which may not be in its place yet. A
# login's user and password are told together, as a URL and an encoded one have them, and the password alone.
kn_secrets() {
    {
        awk '$1 == "file" && $4 ~ /^0[0-7]00$/ { print $3 }' "$KN_TMP/bundle" | while read -r kn_closed; do kn_content "$kn_closed"; done
        { sed -n 's/^[^ ]* 0[0-7]00 [^ ]* //p' "$KN_RECORD"/parts/*/owned || :; ls /etc/kubernetes/*.kubeconfig || :; } |
            while read -r kn_closed; do cat "$kn_closed" || :; done
    } | awk '
        /-----BEGIN .*KEY/ { key = 1; next }
        /-----END/ { key = 0 }
        key { print; next }
        match($0, /:\/\/[^"@]*@/) { print substr($0, RSTART + 3, RLENGTH - 4) }
        match($0, /(token|password|auth|-key-data)"?: +"?[^",]+/) {
            value = substr($0, RSTART, RLENGTH); name = value
            sub(/^[^:]*: +"?/, "", value); sub(/"?:.*/, "", name)
            print value, name
        }' | while read -r kn_closed kn_name; do
        printf '%s\n' "$kn_closed"
        [ "$kn_name" != auth ] || kn_closed=$(printf '%s' "$kn_closed" | base64 -d)
        case $kn_closed in *:*) printf '%s\n' "$kn_closed" "${kn_closed#*:}" ;; esac
    done | grep .
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
