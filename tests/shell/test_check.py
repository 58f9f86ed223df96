"""What a check and an audit find on a host: files, folders, units, packages, kernel settings, the toolkit."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.remote.bundle import HostFile
from tests.shell import bundles
from tests.shell.box import LIBRARY, RECORD, Box

AUDIT = Path(__file__).resolve().parents[2] / "components/audit/host.sh"
_SYSCTL = "net.ipv4.ip_forward"
_KEY = f"{bundles.PKI}/kubelet-client-current.pem"
_KEY_OF_A_DAY = f"{bundles.PKI}/kubelet-client-2026.pem"


def _findings(host: Box) -> list[tuple[str, str, str, str]]:
    """What an audit of the host says, as a connection would have it."""
    before = host.state()
    host.put("/state/audit", AUDIT.read_text())
    done = host.shell("sh /state/audit", bundles.calico(host))
    assert done.returncode == 0, done.stderr
    assert host.state() == before, "an audit changed something"
    assert host.leftovers() == []
    *lines, last = done.stdout.splitlines()
    assert last.startswith("checked\tclaim")
    return [tuple(line.split("\t")[1:5]) for line in lines]  # type: ignore[misc]


def _things(host: Box) -> list[tuple[str, str]]:
    return sorted(finding[:2] for finding in _findings(host))


@pytest.fixture
def node(host: Box) -> Box:
    """A host with a kubelet, kube-proxy and what they stand on."""
    for part, bundle in _bundles(host).items():
        done = host.run(part, "apply", bundle)
        assert done.returncode == 0, done.stderr
    assert _findings(host) == []
    return host


def _bundles(host: Box, **more: list[str]) -> dict[str, str]:
    """The parts, each with its `reapply` if there is one."""
    made = {
        "prepare": host.bundle("prepare", package=["socat"], sysctl=[f"{_SYSCTL} 1"], module=["overlay"]),
        "credentials": host.bundle(
            "credentials", HostFile("ca.pem", "/etc/kubernetes/ssl/ca.pem", "secret\n", "0600")
        ),
        "kubelet": bundles.kubelet(host),
        "kube-proxy": bundles.kube_proxy(host),
    }
    lines = "".join(f"set | {key} {value}\n" for key, values in more.items() for value in values)
    return {part: text.removesuffix("end\n") + lines + "end\n" for part, text in made.items()}


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        ("echo x >>/etc/kubernetes/kubelet.yaml", [("kubelet", "/etc/kubernetes/kubelet.yaml")]),
        ("chmod 0644 /usr/local/bin/kubelet", [("kubelet", "/usr/local/bin/kubelet")]),
        ("chown daemon /usr/local/bin/kube-proxy", [("kube-proxy", "/usr/local/bin/kube-proxy")]),
        ("systemctl stop kubelet.service", [("kubelet", "kubelet.service")]),
        ("systemctl disable kubelet.service", [("kubelet", "kubelet.service")]),
        (
            "rm /etc/systemd/system/kube-proxy.service",
            [("kube-proxy", "/etc/systemd/system/kube-proxy.service")],
        ),
        (f"echo 0 >/proc/sys/{_SYSCTL.replace('.', '/')}", [("prepare", f"kernel setting {_SYSCTL}")]),
        ("sed -i /socat/d /state/packages", [("prepare", "package socat")]),
        ("echo x >/etc/kubernetes/mine", [("credentials", "/etc/kubernetes/mine")]),
        (
            "mkdir /etc/systemd/system/kubelet.service.d; echo x >/etc/systemd/system/kubelet.service.d/a.conf",
            [("kubelet", "/etc/systemd/system/kubelet.service.d/a.conf")],
        ),
        ("chmod 0777 /etc/kubernetes", [("credentials", "/etc/kubernetes")]),
        ("chown daemon /etc/kubernetes/ssl", [("credentials", "/etc/kubernetes/ssl")]),
        ("chmod 0750 /etc/kubernetes", []),
        (f"chmod 0640 {bundles.KUBECONFIG}", [("kubelet", bundles.KUBECONFIG)]),
        (f"chown daemon {bundles.KUBECONFIG}", [("kubelet", bundles.KUBECONFIG)]),
        (f"rm {bundles.KUBECONFIG}", [("kubelet", bundles.KUBECONFIG)]),
        (f"echo other >>{bundles.KUBECONFIG}; chmod 0400 {bundles.KUBECONFIG}", []),
        (f"mv {_KEY} {_KEY}.1; ln -s {_KEY}.1 {_KEY}", []),
        (
            f"mv {_KEY} {_KEY_OF_A_DAY}; ln -s {_KEY_OF_A_DAY} {_KEY}; chmod g+r {_KEY}",
            [("kubelet", _KEY_OF_A_DAY)],
        ),
        (
            f"echo key >{bundles.PKI}/kubelet.key; chmod 0644 {bundles.PKI}/kubelet.key",
            [("kubelet", f"{bundles.PKI}/kubelet.key")],
        ),
        (f"rm {LIBRARY}/verify", [("claim", f"{LIBRARY}/verify")]),
        (f"echo x >{LIBRARY}/mine", [("claim", f"{LIBRARY}/mine")]),
    ],
)
def test_an_audit_finds_what_was_done_and_nothing_else(
    node: Box, spoil: str, found: list[tuple[str, str]]
) -> None:
    node.shell(f"cd {LIBRARY} && sha256sum * >{RECORD}/toolkit")
    node.shell(spoil)
    assert _things(node) == found


def test_a_toolkit_that_is_not_as_installed_is_not_run(node: Box) -> None:
    node.shell(f"cd {LIBRARY} && sha256sum * >{RECORD}/toolkit; echo 'touch /ran' >>{LIBRARY}/claim")
    assert _things(node) == [("claim", f"{LIBRARY}/claim")]
    assert not node.path("/ran").exists()
    node.shell(f"rm -r {LIBRARY}")
    assert _things(node) == [("claim", f"{LIBRARY}/claim"), ("claim", f"{LIBRARY}/lib.sh")]


def test_the_claim_of_another_stack_is_all_that_is_told(node: Box) -> None:
    node.put(f"{RECORD}/claim", "stack other/x/y\nnode theirs\n")
    ((part, thing, expected, found),) = _findings(node)
    assert (part, thing) == ("claim", "claim")
    assert expected == f"stack {node.claim} as node worker-1"
    assert found == "stack other/x/y as node theirs"
    node.path(f"{RECORD}/claim").unlink()
    assert _things(node) == [("claim", "claim")]


def test_of_a_secret_file_not_even_a_digest_is_told(node: Box) -> None:
    node.put("/etc/kubernetes/ssl/ca.pem", "edited\n", 0o600)
    assert _findings(node) == [
        (
            "credentials",
            "/etc/kubernetes/ssl/ca.pem",
            "0600 root:root, content as applied",
            "0600 root:root, other content",
        )
    ]


def test_a_re_apply_puts_all_of_it_right_and_moves_aside_what_is_not_ours(node: Box) -> None:
    right = node.state()
    node.shell(
        "echo x >>/etc/kubernetes/kubelet.yaml; rm /etc/systemd/system/kube-proxy.service; "
        "echo y >/etc/kubernetes/mine;"
        f"systemctl stop kubelet.service; echo 0 >/proc/sys/{_SYSCTL.replace('.', '/')}"
    )
    assert len(_findings(node)) == 5
    # An ordinary apply leaves what is not ours.
    assert node.run("credentials", "apply", _bundles(node)["credentials"]).returncode == 0
    assert node.text("/etc/kubernetes/mine") == "y\n"
    for part, bundle in _bundles(node, reapply=["now"]).items():
        done = node.run(part, "apply", bundle)
        assert done.returncode == 0, done.stderr
    assert _findings(node) == []
    assert node.state() == right
    # Once: what is put there afterwards is somebody's again.
    node.put("/etc/kubernetes/again", "z\n")
    done = node.run("credentials", "apply", _bundles(node, reapply=["now"])["credentials"])
    assert node.text("/etc/kubernetes/again") == "z\n"
    node.path("/etc/kubernetes/again").unlink()
    done = node.run("credentials", "remove", _bundles(node)["credentials"])
    assert "put back /etc/kubernetes/mine, which is not ours" in done.stdout
    assert node.text("/etc/kubernetes/mine") == "y\n", "what was moved aside is given back"


def test_an_audit_runs_no_script_that_was_edited(node: Box) -> None:
    node.shell(f"cd {LIBRARY}; sha256sum * >{RECORD}/toolkit")
    assert _findings(node) == []
    node.shell(f"echo 'touch /was-run' >>{LIBRARY}/kube-proxy; echo x >>/etc/kubernetes/kubelet.yaml")
    before = node.state()
    node.put("/state/audit", AUDIT.read_text())
    lines = node.shell("sh /state/audit", bundles.calico(node)).stdout.splitlines()
    assert lines[-1] == "checked\tclaim prepare credentials kubelet"
    assert [line.split("\t")[2] for line in lines[:-1]] == [
        f"{LIBRARY}/kube-proxy",
        "/etc/kubernetes/kubelet.yaml",
    ]
    assert node.state() == before


def test_a_line_break_in_a_name_makes_no_two_names_of_it(node: Box) -> None:
    """Such a file is told and stays; nothing elsewhere is taken for it."""
    node.put("/etc/elsewhere", "theirs\n")
    node.shell(
        "mkdir -p '/etc/kubernetes/x\n/etc'; echo y >'/etc/kubernetes/x\n/etc/elsewhere'".replace("\\n", "\n")
    )
    node.put("/etc/kubernetes/ends with a space ", "z\n")
    found = [thing for part, thing in _things(node) if part == "credentials"]
    assert found == ["/etc/kubernetes/ends with a space ", "/etc/kubernetes/x?/etc/elsewhere"]
    done = node.run("credentials", "apply", _bundles(node, reapply=["now"])["credentials"])
    assert "/etc/kubernetes/x?/etc/elsewhere is not ours; its name has a line break" in done.stdout
    assert "/etc/kubernetes/ends with a space  is not ours; it is kept in " in done.stdout
    assert node.text("/etc/elsewhere") == "theirs\n"
    assert node.path("/etc/kubernetes/x\n/etc/elsewhere").exists()
    assert [thing for part, thing in _things(node) if part == "credentials"] == found[1:]


def test_a_folder_that_held_something_before_us_is_not_ours_alone(host: Box) -> None:
    drop_in = "/etc/systemd/system/kubelet.service.d/theirs.conf"
    host.put(drop_in, "theirs\n")
    assert host.run("kubelet", "apply", bundles.kubelet(host)).returncode == 0
    host.put(drop_in.replace("theirs", "more"), "more\n")
    assert [one for one in _things(host) if one[0] == "kubelet"] == []


def test_a_hold_and_a_version_that_were_lost_are_found(host: Box) -> None:
    bundles.has_docker_packages(host)
    done = host.run("docker", "apply", bundles.docker(host, package="docker.io=1.0"))
    assert done.returncode == 0, done.stderr
    assert _findings(host) == []
    host.shell("sed -i 's/^hi docker.io/ii docker.io/' /state/packages; echo docker.io 2.0 >/state/versions")
    assert _findings(host) == [
        ("docker", "package docker.io", "on hold", "not on hold"),
        ("docker", "package docker.io", "1.0", "2.0"),
    ]


def test_what_the_kubelet_keeps_for_itself_is_closed_to_others_again(node: Box) -> None:
    node.shell(f"chmod 0644 {bundles.KUBECONFIG} {_KEY}; chown daemon {_KEY}")
    found = _findings(node)
    assert found == [
        ("kubelet", bundles.KUBECONFIG, "0600 root:root", "0644 root:root"),
        ("kubelet", _KEY, "0600 root:root", "0644 daemon:root"),
    ]
    running = node.running()
    done = node.run("kubelet", "apply", _bundles(node, reapply=["now"])["kubelet"])
    assert done.stdout.splitlines() == [f"closed {path} to others" for path in (bundles.KUBECONFIG, _KEY)]
    assert node.running() == running
    assert _findings(node) == []


def test_a_directory_of_ours_that_others_may_write_in_is_closed_again(node: Box) -> None:
    node.shell("chmod 0775 /etc/kubernetes; chown daemon /etc/kubernetes")
    assert _findings(node) == [
        ("credentials", "/etc/kubernetes", "root:root, writable by root alone", "0775 daemon:root")
    ]
    done = node.run("credentials", "apply", _bundles(node)["credentials"])
    assert done.stdout == "closed /etc/kubernetes to others' writing\n"
    assert _findings(node) == []


def test_a_directory_in_the_place_of_a_file_is_called_one(node: Box) -> None:
    node.shell("rm /etc/kubernetes/kubelet.yaml; mkdir /etc/kubernetes/kubelet.yaml")
    ((part, thing, _, found),) = _findings(node)
    assert (part, thing, found) == ("kubelet", "/etc/kubernetes/kubelet.yaml", "a directory")
