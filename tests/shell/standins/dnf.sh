# What follows is put behind the line that notes the call.
# dnf rpm
# A small dnf 4 with the versionlock plugin, and its rpm. /state/rpms: the names of what is there; /state/depends: "NAME NEEDED...";
# /state/provides: "WORD NAME". /state/versions: "NAME EPOCH:VERSION-RELEASE" of those that are not at 0:1.0-1.el9. /state/locks: as the
# plugin lists them. /state/dnf-fails: its text is an install's error. /state/dnf-stops: an install is killed after its first package.
# /state/dnf-5: lists locks as dnf 5 does. /state/key: the first install brings a key of that name.
mkdir -p /state
touch /state/rpms /state/depends /state/provides /state/versions /state/locks
program=${0##*/} verb='' more='' names='' format='' test=''
while [ $# -gt 0 ]; do
    case $1 in
    --qf) format=$2; shift ;;
    -qa) verb=all ;;
    -q) [ "$program" = dnf ] || verb=query ;;
    -e) verb=erase ;;
    --test) test=1 ;;
    --whatprovides) more=provides ;;
    -*) ;;
    *)
        if [ "$program" = dnf ] && [ -z "$verb" ]; then verb=$1
        elif [ "$verb" = versionlock ] && [ -z "$more" ]; then more=$1
        else names="$names $1"; fi
        ;;
    esac
    shift
done

there() { grep -qx "$1" /state/rpms; }
named() { awk -v w="$1" '$1 == w { print $2; f = 1 } END { if (!f) print w }' /state/provides | head -n 1; }
version() { sed -n "s/^$1 //p" /state/versions | grep . || echo 0:1.0-1.el9; }

# "NAME" or "NAME-[EPOCH:]VERSION-RELEASE".
install() {
    what=$(named "$1") wanted=''
    case $what in *-[0-9]*) wanted=${what#"${what%%-[0-9]*}"-} what=${what%%-[0-9]*} ;; esac
    if [ -n "$wanted" ]; then
        ! grep -q "^$what-" /state/locks || { echo "Error: Unable to find a match: $1 (excluded by versionlock)" >&2; exit 1; }
        case $wanted in *:*) ;; *) wanted=0:$wanted ;; esac
        sed -i "/^$what /d" /state/versions
        echo "$what $wanted" >>/state/versions
    fi
    ! there "$what" || return 0
    for needed in $(sed -n "s/^$what //p" /state/depends); do (install "$needed") || exit; done
    echo "$what" >>/state/rpms
    [ ! -e /state/dnf-stops ] || { rm /state/dnf-stops; kill -9 0; }
    [ ! -e "/state/install-$what" ] || . "/state/install-$what"
}

# "NAME is needed by (installed) NAME-VERSION-RELEASE.ARCH" for each that stays and needs one of these.
broken() {
    for one in $(cat /state/rpms); do
        case " $* " in *" $one "*) continue ;; esac
        for needed in $(sed -n "s/^$one //p" /state/depends); do
            case " $* " in *" $needed "*) echo "	$needed is needed by (installed) $one-1.0-1.el9.x86_64" ;; esac
        done
    done
}

case $program:$verb in
rpm:all)
    while read -r one; do
        case $one in
        gpg-pubkey-*) echo "gpg-pubkey ${one#gpg-pubkey-}" ;;
        *) echo "$one $(version "$one" | cut -d: -f2)" ;;
        esac
    done </state/rpms
    ;;
rpm:query)
    for one in $names; do
        plain=${one%-1.0-1.el9.x86_64}
        [ "$more" != provides ] || plain=$(named "$plain")
        there "$plain" || { echo "package $one is not installed"; exit 1; }
        case $format in
        *EPOCHNUM*) version "$plain" ;;
        *) echo "$plain" ;;
        esac
    done
    ;;
rpm:erase)
    # shellcheck disable=SC2086
    list=$(broken $names)
    [ -z "$list" ] || { printf 'error: Failed dependencies:\n%s\n' "$list" >&2; exit 1; }
    [ -n "$test" ] || for one in $names; do sed -i "/^$one\$/d" /state/rpms; done
    ;;
dnf:install)
    [ ! -e /state/dnf-fails ] || { cat /state/dnf-fails >&2; exit 1; }
    for one in $names; do (install "$one") || exit; done
    [ ! -e /state/key ] || there "$(cat /state/key)" || cat /state/key >>/state/rpms
    ;;
dnf:remove)
    # shellcheck disable=SC2086
    [ -z "$(broken $names)" ] || { echo "dependants would go too" >&2; exit 1; }
    for one in $names; do
        sed -i "/^$one\$/d" /state/rpms
        [ ! -e "/state/purge-$one" ] || . "/state/purge-$one"
    done
    ;;
dnf:versionlock)
    for one in ${names:-list}; do
        case $more in
        add) there "$one" || exit 1; echo "$one-$(version "$one").*" >>/state/locks ;;
        delete) sed -i "/^$one-[0-9]*:/d" /state/locks ;;
        list)
            if [ -e /state/dnf-5 ]; then
                sed 's/^\(.*\)-\([0-9]*:.*\)\.\*$/# Added by '"'versionlock add'"' command\nPackage name: \1\nevr = \2\n/' /state/locks
            else
                cat /state/locks
            fi
            ;;
        esac
    done
    ;;
esac
