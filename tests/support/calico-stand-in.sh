#!/bin/sh
# Stands in for the programs of Calico's images in the end-to-end tests: it is no Calico, and makes no network. Under the
# name of its installer it writes the files that the installer writes, but for the CNI configuration, which would take the
# sandbox's own network away from the pods.
set -eu
case ${0##*/} in
install)
    printf 'a stand-in for a plugin\n' >/host/opt/cni/bin/calico
    printf 'a stand-in for a plugin\n' >/host/opt/cni/bin/calico-ipam
    printf 'a stand-in for a kubeconfig\n' >/host/etc/cni/net.d/calico-kubeconfig
    ;;
calico-ipam | calico-node | check-status) ;;
*)
    # The long-running program of each image.
    [ ! -d /var/lib/calico ] || printf '%s\n' "${NODENAME:-}" >/var/lib/calico/nodename
    trap 'exit 0' TERM INT
    while :; do sleep 3600 & wait $! || :; done
    ;;
esac
