# shellcheck shell=sh
# The library of every part, by subject. A host holds it as one file: the toolkit puts each file in place of its line.
#
# Owns how a host is changed and how that is undone. Does not own what is changed: each part does, in its own script.
#
# The record of a host is $KN_RECORD:
#   claim                  which stack and node this host belongs to
#   parts/PART/            exists as long as PART may have left something on the host
#     owned                "sha256 mode owner path" of each file as last applied
#     prior/               what was there before PART first touched it
#     undo/                write-ahead note of the apply under way: what to put back if it is cut off or fails
#     done/                the same note from the moment the apply counts, until the rest of the record is up to date
#     dirs units packages holds sysctls groups   what else PART changed, with its prior state
#     expected             what a check is to find besides the files: units, modules, kernel settings, packages, folders
#     folders              "whole" or "shared" for each folder that may hold files of ours only
#     edited/              files that somebody else changed since the last apply
#     aside/               files that somebody else put into a folder of ours, moved away by a re-apply
#     reapplied            the last re-apply that was asked for and done
#   toolkit                "sha256  name" of each installed script

KN_RECORD=/var/lib/kubenode
export LC_ALL=C
unset LANGUAGE CDPATH IFS 2>/dev/null || :

. "${0%/*}/lib/words.sh"
. "${0%/*}/lib/bundle.sh"
. "${0%/*}/lib/main.sh"
. "${0%/*}/lib/undo.sh"
. "${0%/*}/lib/files.sh"
. "${0%/*}/lib/folders.sh"
. "${0%/*}/lib/artifacts.sh"
. "${0%/*}/lib/units.sh"
. "${0%/*}/lib/packages.sh"
. "${0%/*}/lib/apt.sh"
. "${0%/*}/lib/dnf.sh"
. "${0%/*}/lib/accounts.sh"
. "${0%/*}/lib/docker-source.sh"
. "${0%/*}/lib/kernel.sh"
. "${0%/*}/lib/filter.sh"
. "${0%/*}/lib/data.sh"
. "${0%/*}/lib/cri.sh"
. "${0%/*}/lib/clock.sh"
. "${0%/*}/lib/check.sh"
