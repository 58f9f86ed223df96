#!/bin/sh
# What an audit runs on a host, sent as its command; the header of a bundle comes on standard input. Reads only.
#
# Owns what can be said without the toolkit. The rest is the toolkit's own word (`claim audit`).
set -eu
lib=/usr/local/lib/kubenode
record=/var/lib/kubenode

finding() { printf 'finding\tclaim\t%s\t%s\t%s\t\n' "$@"; }

if [ "$(id -u)" -ne 0 ]; then
    echo "kubenode: an audit needs root: log in as root, or as a user with passwordless sudo" >&2
    exit 1
fi
if [ ! -e "$record/claim" ]; then
    finding claim "a claim of this stack" nothing
    printf 'checked\tclaim\n'
    exit 0
fi
# Nothing is run that is not as it was installed.
lost=
for script in lib.sh claim; do
    wanted=$(sed -n "s/  $script\$//p" "$record/toolkit" 2>/dev/null || :)
    if [ ! -f "$lib/$script" ]; then
        finding "$lib/$script" "as installed" nothing
        lost=yes
    elif [ -n "$wanted" ] && [ "$(sha256sum <"$lib/$script")" != "$wanted  -" ]; then
        finding "$lib/$script" "as installed" "other content"
        lost=yes
    fi
done
if [ -n "$lost" ]; then
    printf 'checked\tclaim\n'
    exit 0
fi
exec sh "$lib/claim" audit
