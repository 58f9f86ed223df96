"""What goes wrong on hosts elsewhere: an address too many, Docker's restart that drops what is forwarded, an upgrade of
packages by the clock, rules of a mode that kube-proxy no longer has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from cryptography import x509

from tests.e2e import load
from tests.e2e.cluster import unfit
from tests.e2e.hosts import Host
from tests.e2e.killing import wait_until
from tests.e2e.lab import Lab
from tests.e2e.stack import Json

pytestmark = [pytest.mark.sandbox, pytest.mark.long]

_REPOSITORY = "/srv/kubenode-e2e"
# A repository with a newer version of each of these, as an archive has one some day.
_PUBLISH = rf"""
set -e
mkdir -p {_REPOSITORY}
cd {_REPOSITORY}
: >Packages
for name in "$@"; do
    folder=$(mktemp -d)
    mkdir "$folder/DEBIAN"
    printf '%s\n' "Package: $name" 'Version: 1:99' 'Architecture: all' 'Maintainer: nobody <nobody@example.org>' \
        'Description: newer' >"$folder/DEBIAN/control"
    chmod 0755 "$folder"
    dpkg-deb --build "$folder" "$name.deb" >/dev/null
    dpkg-deb --field "$name.deb" >>Packages
    printf 'Filename: ./%s.deb\nSize: %s\nSHA256: %s\n\n' "$name" "$(stat -c %s "$name.deb")" \
        "$(sha256sum "$name.deb" | cut -d ' ' -f 1)" >>Packages
    rm -r "$folder"
done
echo 'deb [trusted=yes] file:{_REPOSITORY} ./' >sources.list
mkdir -p lists/partial
"""
# Else it leaves files that a comparison of the host finds later.
_NO_CACHE = "-o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache="
_UPGRADE = (
    f"apt-get -o Dir::Etc::sourcelist={_REPOSITORY}/sources.list -o Dir::Etc::sourceparts=- "
    f"-o Dir::State::lists={_REPOSITORY}/lists {_NO_CACHE}"
)
_STALE = r"iptables-save | grep -E '^:KUBE-(SVC|SEP|SERVICES|NODEPORTS|EXT|FW)' || :"
_TABLES = "nft list tables | grep -w kube-proxy || :"


@contextmanager
def _second_network(host: Host) -> Iterator[str]:
    """An interface that no route by default goes through, with the address that the node is to have."""
    address = f"{host.address.rpartition('.')[0]}.{int(host.address.rpartition('.')[2]) + 100}"
    host.run(f"ip link add eth1 type bridge; ip address add {address}/32 dev eth1; ip link set eth1 up")
    try:
        yield address
    finally:
        host.run("ip link delete eth1")


def test_of_several_addresses_the_one_that_was_declared_counts(bare: Lab) -> None:
    lab = bare
    near, host = lab.hosts
    with _second_network(host) as address:
        lab.stack.configure_nodes(lambda nodes: nodes[host.name].update({"nodeIp": address}))
        lab.deployed()
        found = {one["type"]: one["address"] for one in lab.cluster.nodes()[host.name]["status"]["addresses"]}
        assert found["InternalIP"] == address
        pem = host.run("cat /var/lib/kubelet/pki/kubelet-server-current.pem")
        certificate = x509.load_pem_x509_certificate(pem.encode())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == [address]
        # The proof has asked pods on it for their logs, through this address.
        lab.stack.preview("--expect-no-changes").demand()
        lab.bare()
        assert lab.differences([near]) == {}
    assert lab.differences([host]) == {}


def _answers(host: Host, address: str) -> bool:
    return host.run(f"curl -sS -m 3 -o /dev/null -w '%{{http_code}}' http://{address}/ || :") == "200"


def test_a_restart_of_docker_leaves_what_is_forwarded(deployed: Lab) -> None:
    lab = deployed
    one, other = lab.hosts
    port = load.serve(lab.cluster, 2, "docker.io/library/nginx:sandbox")
    try:
        pods = lab.cluster.items("pods", "-n", load.NAMESPACE)
        (there,) = [pod["status"]["podIP"] for pod in pods if pod["spec"]["nodeName"] == other.name]
        assert _answers(one, there)
        policy = other.run("iptables -S FORWARD | sed -n 's/^-P FORWARD //p'")
        other.run("systemctl restart docker.service")
        assert other.run("iptables -S FORWARD | sed -n 's/^-P FORWARD //p'") == policy == "ACCEPT"
        wait_until(lambda: _answers(one, there), "a pod on the host whose Docker was restarted", 60)
        wait_until(lambda: _answers(one, f"{other.address}:{port}"), "its port of a Service", 60)
    finally:
        load.remove(lab.cluster)


def test_an_upgrade_of_packages_leaves_those_of_the_node(deployed: Lab) -> None:
    lab = deployed
    host = lab.hosts[0]
    held = host.run(f"apt-mark {_NO_CACHE} showhold").split()
    assert "docker.io" in held
    # One that nobody holds shows that an upgrade would be made.
    host.run(f"set -- docker.io less\n{_PUBLISH}")
    try:
        host.run(f"{_UPGRADE} -qq update")
        would = host.run(f"{_UPGRADE} -s upgrade; {_UPGRADE} -s dist-upgrade")
        assert re.search(r"^Inst less ", would, re.MULTILINE), would
        assert not re.search(r"^Inst docker\.io ", would, re.MULTILINE), would
    finally:
        host.run(f"rm -r {_REPOSITORY}")


def test_no_mode_of_kube_proxy_leaves_its_rules_to_another(deployed: Lab) -> None:
    lab = deployed
    hosts = lab.hosts

    def run(mode: str) -> None:
        lab.stack.configure(lambda config: _proxy(config).update({"mode": mode}))
        lab.stack.up().demand()
        lab.note_deployed()
        assert all(host.run("curl -fsS http://127.0.0.1:10249/proxyMode") == mode for host in hosts)
        assert unfit(lab.cluster.nodes()) == {}
        assert all(_answers(host, f"{host.address}:{port}") for host in hosts)

    port = load.serve(lab.cluster, 2, "docker.io/library/nginx:sandbox")
    try:
        assert all(host.run(_STALE) for host in hosts)
        run("nftables")
        assert [host.run(_STALE) for host in hosts] == ["", ""]
        assert all(host.run(_TABLES) for host in hosts)
        run("iptables")
        assert [host.run(_TABLES) for host in hosts] == ["", ""]
        assert all(host.run(_STALE) for host in hosts)
    finally:
        load.remove(lab.cluster)
        lab.stack.restore_configuration()


def _proxy(config: Json) -> Json:
    section: Json = config.setdefault("kubeProxy", {})
    return section
