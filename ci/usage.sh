# shellcheck shell=sh
# What every script of this folder does with its arguments and its environment, before anything else.

# demand VARIABLE... -- ARGUMENT...: ends with the script's own words for --help, and with all that is missing or too much.
# For an argument that a script does take, it does not call this with it.
demand() {
    missing=
    while [ "$1" != -- ]; do
        eval "value=\${$1:-}"
        [ -n "$value" ] || missing="$missing $1"
        shift
    done
    shift
    case ${1:-} in
    -h | --help)
        sed '1d; /^#/!q; s/^# \{0,1\}//' "$0" | sed '$d'
        exit 0
        ;;
    esac
    [ $# -eq 0 ] || echo "ci/${0##*/}: takes no arguments, and was given: $*" >&2
    for name in $missing; do echo "ci/${0##*/}: $name is not set, for example $(example "$name")" >&2; done
    [ $# -eq 0 ] && [ -z "$missing" ] || exit 2
}

example() {
    case $1 in
    STACK) printf 'STACK=prod' ;;
    PULL_REQUEST) printf 'PULL_REQUEST=7' ;;
    GITHUB_REPOSITORY) printf 'GITHUB_REPOSITORY=owner/name' ;;
    *) printf '%s, as the workflow sets it' "$1" ;;
    esac
}
