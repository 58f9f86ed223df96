# What follows is put behind the line that notes the call.
# curl docker
# The programs of a node as their clients see them, and a mirror. A unit is healthy if it runs and none of the files that
# it was started with holds the word "broken". /mirror: what http://mirror/ serves.
healthy() { [ -e "/state/running/$1" ] && [ -e "/state/active/$1" ] && ! grep -qs broken "/state/running/$1" /state/versions; }

if [ "${0##*/}" = docker ]; then
    healthy docker.service || { echo "Cannot connect to the Docker daemon" >&2; exit 1; }
    case "$1 ${2:-}" in
    "image inspect") [ -e "/state/images/$(echo "$3" | tr / _)" ] ;;
    "load -i")
        name=$(tar -xOf "$3" manifest.json | sed -n 's/.*"RepoTags": *\["\([^"]*\)"\].*/\1/p') && [ -n "$name" ] || { echo "invalid archive" >&2; exit 1; }
        mkdir -p /state/images && : >"/state/images/$(echo "$name" | tr / _)" && echo "Loaded image: $name"
        ;;
    "info -f")
        case $3 in
        *LiveRestoreEnabled*) cat /state/live 2>/dev/null || echo false ;;
        *DockerRootDir*) cat /state/docker-root 2>/dev/null || echo /var/lib/docker ;;
        esac
        ;;
    ps*)
        case "$*" in
        *podsandbox*) cat /state/sandboxes 2>/dev/null || : ;;
        *"--filter label=io.kubernetes.pod.uid"*) cat /state/pods 2>/dev/null || : ;;
        *) cat /state/containers 2>/dev/null || : ;;
        esac
        ;;
    "volume ls") cat /state/volumes 2>/dev/null || : ;;
    esac
    exit
fi

url='' out='' head='' socket='' code=''
while [ $# -gt 0 ]; do
    case $1 in
    -o) out=$2; shift ;;
    -w) code=$2; shift ;;
    -D) head=$2; shift ;;
    -C | -m | -H | --retry | --connect-timeout | --noproxy | --cacert | --cert) shift ;;
    --data-binary) cat "${2#@}" >>/state/requests; shift ;;
    --unix-socket) socket=$2; shift ;;
    http*) url=$1 ;;
    esac
    shift
done
case $socket$url in
/run/cri-dockerd.sock*)
    healthy cri-docker.service && [ -S "$socket" ] || exit 7
    printf 'HTTP/2 200\r\n\r\ngrpc-status: 0\r\n' >"$head"
    : >"$out"
    ;;
http://mirror/*)
    [ -f "/mirror/${url#http://mirror/}" ] || { echo "curl: (22) The requested URL returned error: 404" >&2; exit 22; }
    cp "/mirror/${url#http://mirror/}" "$out"
    ;;
# The API server's clock, if it answers.
https://*/version)
    [ -e /state/api-date ] || exit 7
    printf 'HTTP/2 403\r\ncontent-type: application/json\r\ndate: %s\r\n\r\n' "$(date -u -d "$(cat /state/api-date)" '+%a, %d %b %Y %T GMT')"
    ;;
# What it says of a Node: the status, a blank and the object.
https://*/api/v1/nodes/*)
    [ -e "/state/node-${url##*/}" ] || exit 7
    read -r status object <"/state/node-${url##*/}"
    [ "$code" = '%{http_code}' ] && printf '%s' "$status"
    printf '%s' "$object" >"$out"
    ;;
*:10248/healthz)
    healthy kubelet.service || exit 7
    printf ok
    ;;
*:10249/proxyMode)
    healthy kube-proxy.service || exit 7
    # Where the kernel cannot do what was asked for, kube-proxy runs in another mode.
    [ ! -e /state/only-iptables ] || { printf iptables; exit 0; }
    sed -n 's/^mode: //p' /state/running/kube-proxy.service | tr -d '\n'
    ;;
*:10256/healthz) healthy kube-proxy.service || exit 7 ;;
*) exit 6 ;;
esac
