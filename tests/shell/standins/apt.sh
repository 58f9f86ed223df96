# What follows is put behind the line that notes the call.
# apt-get apt-mark dpkg dpkg-query
# A small apt. /state/packages: "ii NAME" or "hi NAME" (on hold) for each that is there; /state/depends: "NAME NEEDED...".
# /state/update-warns: what an update says and goes on.
# /state/install-NAME, /state/purge-NAME: what a package does then; $all is how apt was called.
# /state/versions: "NAME VERSION" of those that are not at 1.0. /state/apt-fails: its text is an install's error. /state/apt-stops: an install is killed after its first package.
mkdir -p /state
touch /state/packages /state/depends
[ "${0##*/} $*" != "dpkg --print-architecture" ] || { echo amd64; exit; }
# shellcheck disable=SC2034 # read by what stands below /state
all=$*
simulate='' verb='''''' names='' format=''
while [ $# -gt 0 ]; do
    case $1 in
    -o) shift ;;
    -s) simulate=1 ;;
    -f) format=$2; shift ;;
    -a) verb=configure ;;
    -*) ;;
    *) if [ -z "$verb" ] && [ "${0##*/}" != dpkg-query ]; then verb=$1; else names="$names $1"; fi ;;
    esac
    shift
done

there() { grep -q "^.i $1\$" /state/packages; }

version() { touch /state/versions; sed -n "s/^$1 //p" /state/versions | grep . || echo 1.0; }

set_version() { touch /state/versions; sed -i "/^$1 /d" /state/versions; echo "$1 $2" >>/state/versions; }

# A package and what it needs, what it needs first.
install() {
    ! there "$1" || return 0
    for needed in $(sed -n "s/^$1 //p" /state/depends); do install "$needed"; done
    echo "ii $1" >>/state/packages
    [ ! -e /state/apt-stops ] || { rm /state/apt-stops; kill -9 0; }
    [ ! -e "/state/install-$1" ] || . "/state/install-$1"
}

# The packages and all that need them.
closure() {
    awk -v names="$*" '
        NR == FNR { there[$2] = 1; next }
        { for (i = 2; i <= NF; i++) needs[$1, $i] = 1 }
        END {
            n = split(names, w, " ")
            for (i = 1; i <= n; i++) if (w[i] in there) gone[w[i]] = 1
            do { more = 0
                for (p in there) if (!(p in gone)) for (g in gone) if ((p, g) in needs) { gone[p] = 1; more = 1; break }
            } while (more)
            for (g in gone) print g
        }' /state/packages /state/depends | sort
}

case ${0##*/} in
dpkg-query)
    if [ -z "$names" ]; then
        sort -k2 /state/packages | sed 's/^\(..\) /\1  /'
    else
        line=$(grep " ${names# }\$" /state/packages) || { echo "no packages found matching${names}" >&2; exit 1; }
        case $format in
        '${Version}') version "${names# }" ;;
        *) printf '%s ' "${line%% *}" ;;
        esac
    fi
    ;;
apt-mark)
    case $verb in
    showhold) sed -n 's/^hi //p' /state/packages ;;
    hold | unhold)
        to=hi; [ "$verb" = hold ] || to=ii
        for name in $names; do
            there "$name" || { echo "E: Unable to locate package $name" >&2; exit 100; }
            sed -i "s/^.i $name\$/$to $name/" /state/packages
        done
        ;;
    esac
    ;;
apt-get)
    case $verb in
    update) mkdir -p /var/lib/kubenode/apt/lists; : >/var/lib/kubenode/apt/lists/list; [ ! -e /state/update-warns ] || cat /state/update-warns >&2 ;;
    install)
        [ ! -e /state/apt-fails ] || { cat /state/apt-fails >&2; exit 100; }
        for name in $names; do
            ! grep -q "^hi ${name%%=*}\$" /state/packages || { echo "E: Held packages were changed" >&2; exit 100; }
            install "${name%%=*}"
            [ "$name" = "${name%%=*}" ] || set_version "${name%%=*}" "${name#*=}"
        done
        ;;
    purge)
        for name in $(closure $names); do
            echo "Purg $name [1.0]"
            [ -n "$simulate" ] || { [ ! -e "/state/purge-$name" ] || . "/state/purge-$name"; }
            [ -n "$simulate" ] || sed -i "/^.i $name\$/d" /state/packages
        done
        ;;
    esac
    ;;
dpkg) ;;
esac
