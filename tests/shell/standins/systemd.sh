# What follows is put behind the line that notes the call.
# systemctl journalctl
# A small systemd: units are what stands in its folders when it was last told to reload, or when a unit was first named.
# /state/start-UNIT, /state/reload-UNIT: what it does when it starts, and when it is told to reload.
# /state/active/UNIT: runs. /state/running/UNIT: what it runs with. A unit whose file holds the word "crashes" cannot
# start.
[ "${0##*/}" != journalctl ] || { cat /state/journal 2>/dev/null; exit 0; }
mkdir -p /state/active /state/loaded /state/running
verb='' units='' quiet=''
while [ $# -gt 0 ]; do
    case $1 in
    -q) quiet=1 ;;
    -s) shift ;;
    -*) ;;
    *) if [ -z "$verb" ]; then verb=$1; else units="$units $1"; fi ;;
    esac
    shift
done

file_of() {
    for folder in /etc/systemd/system /lib/systemd/system; do
        if [ -e "$folder/$1" ]; then printf '%s' "$folder/$1"; return; fi
    done
    return 1
}

masked() { [ "$(readlink "/etc/systemd/system/$1")" = /dev/null ]; }

load() { [ -e "/state/loaded/$1" ] || ! file=$(file_of "$1") || cp "$file" "/state/loaded/$1"; }

# What a unit starts with: itself as it is loaded, and every file of the node that it may read.
image_of() {
    cat "/state/loaded/$1"
    binary=$(sed -n 's/^ExecStart=\([^ ]*\).*/\1/p' "/state/loaded/$1")
    for read in "$binary" /etc/kubernetes/*.yaml /etc/docker/daemon.json; do
        case $read in /usr/bin/*) continue ;; esac
        [ ! -f "$read" ] || { echo "== $read"; cat "$read"; }
    done
}

start() {
    load "$1"
    [ -e "/state/loaded/$1" ] || { echo "Unit $1 not found." >&2; exit 5; }
    binary=$(sed -n 's/^ExecStart=\([^ ]*\).*/\1/p' "/state/loaded/$1")
    case $binary in "" | /usr/bin/*) ;; *) [ -x "$binary" ] || { echo "$1: no $binary" >&2; exit 203; } ;; esac
    if grep -q crashes "/state/loaded/$1"; then echo "Job for $1 failed." >&2; exit 1; fi
    : >"/state/active/$1"
    image_of "$1" >"/state/running/$1"
    [ ! -e "/state/start-$1" ] || . "/state/start-$1"
    socket=$(sed -n 's/^ListenStream=//p' "/state/loaded/$1")
    [ -z "$socket" ] || [ -e "$socket" ] || cp -a /state/socket "$socket"
}

case $verb in
daemon-reload)
    for unit in /state/loaded/*; do
        [ -e "$unit" ] || continue
        if file=$(file_of "${unit##*/}"); then cp "$file" "$unit"; else rm "$unit"; fi
    done
    ;;
is-active)
    if [ -e "/state/active/${units# }" ]; then word=active code=0; else word=inactive code=3; fi
    [ -n "$quiet" ] || echo "$word"
    exit "$code"
    ;;
is-enabled)
    unit=${units# }
    file_of "$unit" >/dev/null || { echo "Failed to get unit file state for $unit: No such file or directory" >&2; exit 1; }
    if masked "$unit"; then word=masked code=1
    elif [ -L "/etc/systemd/system/multi-user.target.wants/$unit" ]; then word=enabled code=0; else word=disabled code=1; fi
    [ -n "$quiet" ] || echo "$word"
    exit "$code"
    ;;
enable)
    for unit in $units; do
        file=$(file_of "$unit") || { echo "Failed to enable unit: Unit file $unit does not exist." >&2; exit 1; }
        ! masked "$unit" || { echo "Failed to enable unit: Unit file $file is masked." >&2; exit 1; }
        mkdir -p /etc/systemd/system/multi-user.target.wants
        ln -sf "$file" "/etc/systemd/system/multi-user.target.wants/$unit"
    done
    ;;
disable)
    # As systemd does: a link whose unit is gone goes too.
    for unit in $units; do rm -f "/etc/systemd/system/multi-user.target.wants/$unit"; done
    ;;
start) for unit in $units; do [ -e "/state/active/$unit" ] || start "$unit"; done ;;
reload)
    for unit in $units; do
        [ -e "/state/active/$unit" ] || { echo "$unit is not active, cannot reload." >&2; exit 1; }
        [ ! -e "/state/reload-$unit" ] || . "/state/reload-$unit"
    done
    ;;
restart) for unit in $units; do rm -f "/state/active/$unit"; start "$unit"; done ;;
stop)
    for unit in $units; do
        [ -e "/state/active/$unit" ] || file_of "$unit" >/dev/null || { echo "Unit $unit not loaded." >&2; exit 5; }
        rm -f "/state/active/$unit" "/state/running/$unit"
    done
    ;;
kill) for unit in $units; do rm "/state/active/$unit" "/state/running/$unit" || exit 1; done ;;
cat) for unit in $units; do cat "$(file_of "$unit")" || exit 1; done ;;
reset-failed) ;;
*) echo "systemctl: no $verb here" >&2; exit 64 ;;
esac
