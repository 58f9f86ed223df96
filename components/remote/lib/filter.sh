# shellcheck shell=sh
# The packet filter: what services of ours left in it goes, and nothing else is touched.
#
# Owns nft of the record.

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
