#!/bin/sh
# The last chapter of the walkthrough, from this node: each address answers with nginx's page. Changes nothing.
set -eu
. "${0%/*}/lib.sh"

kn_part_apply() {
    kn_settings url | while read -r kn_url; do
        kn_wait "$(kn_setting timeout-seconds 60)" answers "$kn_url" ||
            kn_die "$kn_url does not answer with '$(kn_setting expect)' from this node: $(tail -n 1 "$KN_TMP/log")"
    done
    if [ "$(kn_setting mode)" = existing ]; then proxy="the cluster's own kube-proxy"; else proxy_runs_as_configured; fi
    kn_say "$(kn_settings url | wc -l) addresses answer; $proxy"
    # Keeps the frame from saying that nothing had to change.
    KN_CHANGED="${KN_CHANGED}verified "
}

proxy_runs_as_configured() {
    kn_mode=$(curl -fsS -m 5 http://127.0.0.1:10249/proxyMode) || kn_die "kube-proxy does not answer on 127.0.0.1:10249"
    [ "$kn_mode" = "$(kn_setting mode)" ] || kn_die "kube-proxy runs in mode $kn_mode, configured is $(kn_setting mode)"
    proxy="kube-proxy in mode $kn_mode"
}

answers() { curl -fsS -m 5 "$1" | grep -qFe "$(kn_setting expect)"; }

kn_part_remove() { :; }

kn_main verify "$@"
