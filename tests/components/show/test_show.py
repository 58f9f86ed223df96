"""`make show`: what a node's host will hold is what a run sends, and no secret is in it."""
# ruff: noqa: E501 - the table has one case a line

from __future__ import annotations

import base64
import itertools
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.identity.kubeconfigs import Identities, KeyPair
from components.parts import PARTS, Born, contents
from components.pki.token import drawn
from components.remote import toolkit
from components.rendering import digest, yaml_text
from components.settings import SettingsError, load
from components.show import listing
from components.show.__main__ import main
from tests.components import example
from tests.components.authorities import NOW, certificate_pem, new_key
from tests.components.graph import Graph, graph_of, is_secret

ROOT = Path(__file__).resolve().parents[3]
CANARY = "canary-that-nobody-may-see"
ENCRYPTED = {"secure": f"v1:{CANARY}"}


def project(directory: Path, changes: dict[str, Any] | None = None, **more: object) -> Path:
    """A project directory with a stack file, as a user has it."""
    example.write_project(directory)
    raw = {**example.changed(example.raw(), changes or {}), **more}
    config = {f"kubenode:{key}": value for key, value in raw.items()}
    (directory / "Pulumi.yaml").write_text("name: kubenode\n")
    (directory / "Pulumi.dev.yaml").write_text(yaml_text({"encryptionsalt": "v1:x", "config": config}))
    return directory


class Shown:
    """One call of the command."""

    def __init__(self, capsys: pytest.CaptureFixture[str], directory: Path, *words: str) -> None:
        self.code = main(list(words), directory)
        self.out, self.err = capsys.readouterr()


VERIFIED = {"verification": {"enabled": True}}


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    return graph_of(example.stack(tmp_path_factory.mktemp("stack"), VERIFIED))


def sent(graph: Graph, node: str) -> Iterator[tuple[str, str]]:
    """The standard input of every command of a run on the node's host, but the release, which sends a header only."""
    for name, one in graph.resources.items():
        if one.type == "command:remote:Command" and name.startswith(f"{node}-"):
            part = name.removeprefix(f"{node}-")
            stdin = one.inputs["stdin"]
            if part != "release":
                yield part, stdin["value"] if is_secret(stdin) else stdin


def run_s(node: str) -> Born:
    """What the run of `graph` makes; its stand-ins are in tests/components/graph.py."""
    seed = f"{node}-token-key"
    return Born(
        Identities(
            f"{drawn(f'public {seed}', 6)}.{drawn(f'private {seed}', 16)}",
            proxy=KeyPair("stdout cluster-kube-proxy", "private cluster-kube-proxy-key"),
        ),
        verification_addresses=["10.96.0.77", "10.244.1.2"],
    )


@pytest.mark.parametrize("node", ["worker-1", "worker-2"])
def test_the_parts_are_what_a_run_sends_to_the_letter(node: str, graph: Graph, tmp_path: Path) -> None:
    settings = example.stack(tmp_path, VERIFIED).nodes[node]
    made = {
        part: content.bundle(part, node, settings.address, "organization/kubenode/test").render()
        for part, content in contents(settings, run_s(node), verify=True).items()
    }
    assert made == dict(sent(graph, node))
    # The order is that of the edges.
    for earlier, later in itertools.combinations(PARTS, 2):
        assert not graph.follows(f"{node}-{earlier}", f"{node}-{later}")


def named(text: str, node: str) -> str:
    """What a run sends, with the names that stand for what it makes."""
    ran = run_s(node).identities
    assert ran.proxy is not None
    for old, new in (
        (ran.token, f"<bootstrap token of {node}>"),
        (_base64(ran.proxy.certificate), "base64 of <certificate of kube-proxy>"),
        (_base64(ran.proxy.key), "base64 of <key of kube-proxy>"),
        (digest(ran.proxy.certificate), "<digest of the certificate of kube-proxy>"),
    ):
        text = text.replace(old, new)
    return text


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


_HEADER = ("kubenode bundle", "node | ", "host | ", "claim | ", "script | ", "start | ", "payload | ", "end")


@pytest.mark.parametrize("node", ["worker-1", "worker-2"])
def test_every_line_shown_is_a_line_that_a_run_sends(
    node: str, graph: Graph, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = Shown(capsys, project(tmp_path, VERIFIED), node)
    assert (shown.code, shown.err) == (0, "")
    blocks = {
        block.partition("\n")[0].removeprefix("part | "): block.splitlines()
        for block in shown.out.split("\n\npart | ")
    }
    assert list(blocks) == [*PARTS, "verify"]
    for part, text in sent(graph, node):
        if part == "verify":
            continue  # its addresses are born, and shown as one name
        lines = [
            line for line in named(text, node).splitlines() if not line.startswith(("part | ", *_HEADER))
        ]
        found = [line for line in blocks[part][1:] if line]
        if part == "claim":
            assert [line for line in found if line in lines] == lines
        else:
            assert found == lines, part


def test_the_toolkit_is_shown_as_the_scripts_that_it_becomes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in (toolkit.LIBRARY, *toolkit.SCRIPTS):
        shown = Shown(capsys, project(tmp_path), "worker-1", "--file", f"/usr/local/lib/kubenode/{name}")
        assert shown.out == toolkit.packed(name)


def test_one_file_alone_is_its_content_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    golden = ROOT / "tests/golden/1.37.2/worker-2"
    for part, name, path in (
        ("kubelet", "kubelet.yaml", "/etc/kubernetes/kubelet.yaml"),
        ("docker", "daemon.json", "/etc/docker/daemon.json"),
        ("kube-proxy", "kube-proxy.service", "/etc/systemd/system/kube-proxy.service"),
    ):
        shown = Shown(capsys, project(tmp_path), "worker-2", "--file", path)
        assert shown.out == (golden / part / name).read_text()
    missing = Shown(capsys, tmp_path, "worker-2", "--file", "/etc/passwd")
    assert missing.code == 1
    assert missing.err.startswith("there is no file /etc/passwd among:\n/usr/local/lib/kubenode/lib.sh\n")


def test_one_part_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = Shown(capsys, project(tmp_path), "worker-2", "--part", "kubelet")
    assert shown.out.startswith(
        "part | kubelet\nfile | kubelet.yaml 0644 root:root /etc/kubernetes/kubelet.yaml\n"
    )
    assert "kubelet.yaml | maxPods: 55" in shown.out
    assert "daemon.json" not in shown.out


def test_a_tree_has_every_file_with_its_mode(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "project").mkdir()
    tree = tmp_path / "tree"
    words = ("worker-1", "--output", str(tree))
    assert Shown(capsys, project(tmp_path / "project"), *words).code == 0
    there = {f"/{path.relative_to(tree)}" for path in tree.rglob("*") if path.is_file()} - {"/PARTS"}
    node = example.stack(tmp_path / "project").nodes["worker-1"]
    made = listing.files(listing.parts(node, (), verify=False))
    assert there == set(made)
    for path, file in made.items():
        target = tree / path.lstrip("/")
        assert target.read_text() == file.content
        assert stat.S_IMODE(target.stat().st_mode) == int(file.mode, 8)
    listed = (tree / "PARTS").read_text()
    assert "artifact | kubelet 0755 /usr/local/bin/kubelet" in listed
    assert "set | package docker.io" in listed
    again = Shown(capsys, tmp_path / "project", *words)
    assert (again.code, again.err) == (1, f"{tree} is no empty directory\n")


def test_encrypted_values_are_named_and_nothing_of_them_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = {
        "cluster/kubeconfigFile": ...,
        "cluster/kubeconfig": ENCRYPTED,
        "ssh/privateKeyFile": ...,
        "ssh/privateKey": ENCRYPTED,
        "nodes/worker-1/ssh/password": ENCRYPTED,
        "nodes/worker-1/docker": {"extraConfig": {"http-proxy": ENCRYPTED, "dns": [ENCRYPTED]}},
        "nodes/worker-1/nodeIp": ENCRYPTED,
        "kubelet/extraConfig": {"evictionPressureTransitionPeriod": ENCRYPTED, "clusterDNS": [ENCRYPTED]},
        "docker": {"logMaxSize": ENCRYPTED},
    }
    shown = Shown(capsys, project(tmp_path, changes), "worker-1")
    assert shown.code == 0, shown.err
    assert CANARY not in shown.out + shown.err
    assert 'daemon.json |   "http-proxy": "<nodes.worker-1.docker.extraConfig.http-proxy>"' in shown.out
    assert "<nodes.worker-1.docker.extraConfig.dns[0]>" in shown.out
    assert "ca.pem | <certificate authority of the cluster, in the kubeconfig>" in shown.out
    assert shown.err.splitlines() == [
        "note: docker.logMaxSize is encrypted, so it is shown as 10m",
        "note: nodes.worker-1.nodeIp is encrypted, so it is shown as 10.0.0.7",
        "note: cluster.kubeconfig is encrypted, so placeholders stand for cluster.server and cluster.caData",
    ]


def test_an_authority_s_key_is_not_needed_to_show_a_node(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = Shown(capsys, project(tmp_path), "worker-1")
    certificate = certificate_pem(new_key(), end=NOW + timedelta(days=36500))
    ca = {"certificate": certificate, "privateKey": ENCRYPTED}
    shown = Shown(capsys, project(tmp_path, {"identity": {"issuer": "ca", "ca": ca}}), "worker-1")
    assert (shown.code, shown.err) == (0, "")
    assert shown.out == plain.out


def test_what_a_kubelet_is_given_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    issued = {"identity": {"client": "issued", "serving": "issued"}}
    shown = Shown(capsys, project(tmp_path, issued), "worker-1")
    assert (shown.code, shown.err) == (0, "")
    for line in (
        "client-certificate-data: base64 of <certificate of the kubelet as a client>",
        "kubelet-server-key.pem | <key of the kubelet as a server>",
        "set | certificates <digest of the certificates of the kubelet>",
        "kubelet.yaml | rotateCertificates: false",
    ):
        assert line in shown.out, line
    assert "bootstrap" not in shown.out.partition("part | credentials")[2].partition("part | verify")[0]


SIGNER = {"issuer": "ca", "ca": {"certificate": certificate_pem(new_key(), end=NOW + timedelta(days=36500))}}
KEY = example.private_key(words="PRIVATE KEY")
PLAIN: list[tuple[dict[str, Any], str]] = [
    ({"nodes/worker-1/ssh/password": CANARY, "ssh/privateKeyFile": ...}, "nodes.worker-1.ssh.password"),
    ({"ssh/privateKey": KEY, "ssh/privateKeyFile": ...}, "ssh.privateKey"),
    ({"cluster/kubeconfig": example.kubeconfig(), "cluster/kubeconfigFile": ...}, "cluster.kubeconfig"),
    ({"docker": {"registries": {"r.example": {"username": "u", "password": CANARY}}}}, "docker.registries.r.example.password"),
    ({"host": {"proxy": {"https": f"http://u:{CANARY}@p.example:3128"}}}, "host.proxy.https"),
    ({"identity": {"issuer": "ca", "ca": {**SIGNER["ca"], "privateKey": KEY}}}, "identity.ca.privateKey"),  # type: ignore[dict-item]
]  # fmt: skip


@pytest.mark.parametrize(("changes", "place"), PLAIN, ids=[place for _, place in PLAIN])
def test_a_secret_in_plain_text_is_refused_as_a_preview_does(
    changes: dict[str, Any], place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = Shown(capsys, project(tmp_path, changes), "worker-1")
    with pytest.raises(SettingsError) as caught:
        load(example.changed(example.raw(), changes), tmp_path, ())
    refusal = next(str(one) for one in caught.value.problems if "must be encrypted" in one.message)
    assert refusal.startswith(f"{place}: is a secret, and so must be encrypted: pulumi config set --secret")
    assert refusal in shown.err.splitlines()
    assert (shown.code, shown.out) == (1, "")
    assert CANARY not in shown.err


def test_a_proxy_without_a_login_is_no_secret(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changes = {"host": {"proxy": {"https": "http://p.example:3128"}}}
    shown = Shown(capsys, project(tmp_path, changes), "worker-1")
    assert (shown.code, shown.err) == (0, "")


def test_an_encrypted_value_speaks_for_its_own_key_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The stack file of a preview that has a kubeconfig in it, encrypted, and a password in plain text."""
    changes = {
        "cluster/kubeconfigFile": ...,
        "cluster/kubeconfig": ENCRYPTED,
        "nodes/worker-1/ssh/password": CANARY,
    }
    shown = Shown(capsys, project(tmp_path, changes), "worker-1")
    assert shown.err.splitlines()[1:] == [
        "nodes.worker-1.ssh.password: is a secret, and so must be encrypted: "
        "pulumi config set --secret --path 'nodes.worker-1.ssh.password'"
    ]


def test_files_with_secrets_are_not_shown_either(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project(tmp_path, {"nodes/worker-1/ssh/password": ENCRYPTED, "cluster/context": "admin@other"})
    (tmp_path / "id_ed25519").write_text(example.private_key() + f"\n{CANARY}\n")
    (tmp_path / "admin.kubeconfig").write_text(example.kubeconfig().replace("token-of-the-admin", CANARY))
    for node in ("worker-1", "worker-2"):
        shown = Shown(capsys, tmp_path, node)
        assert shown.code == 0, shown.err
        assert CANARY not in shown.out + shown.err
        assert "https://10.9.9.9:6443" in shown.out


def test_files_with_secrets_may_be_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = Shown(capsys, project(tmp_path), "worker-1")
    (tmp_path / "id_ed25519").unlink()
    assert Shown(capsys, tmp_path, "worker-1").out == whole.out
    (tmp_path / "admin.kubeconfig").unlink()
    without = Shown(capsys, tmp_path, "worker-1")
    assert without.code == 0
    assert without.err == (
        "note: cluster.kubeconfigFile is not there, so placeholders stand for cluster.server and cluster.caData\n"
    )
    differing = set(whole.out.splitlines()) - set(without.out.splitlines())
    assert differing
    assert all(line.startswith("ca.pem | ") or "https://10.0.0.1:6443" in line for line in differing)
    said = {
        "cluster/server": "https://10.0.0.1:6443",
        "cluster/caData": example.CA_PEM,
        "cluster/identifier": "example",
    }
    project(tmp_path, said)
    (tmp_path / "admin.kubeconfig").unlink()
    known = Shown(capsys, tmp_path, "worker-1")
    assert (known.out, known.err) == (whole.out, "")


def test_a_nodes_file_with_twenty_nodes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nodes = {
        f"worker-{number}": {
            "address": f"10.0.1.{number}",
            "ssh": {"hostKey": example.host_key(bytes([number]))},
            "labels": {"example.org/rack": f"r{number % 4}"},
            "kubelet": {"extraConfig": {"maxPods": 100 + number}},
        }
        for number in range(1, 21)
    }
    project(tmp_path, {"nodes": ..., "nodesFile": "nodes.yaml"})
    (tmp_path / "nodes.yaml").write_text(yaml.safe_dump(nodes))
    seen = set()
    for number in range(1, 21):
        shown = Shown(capsys, tmp_path, f"worker-{number}")
        assert (shown.code, shown.err) == (0, "")
        assert f"kubelet.yaml | maxPods: {100 + number}\n" in shown.out
        assert f"kubelet.yaml | address: 10.0.1.{number}\n" in shown.out
        assert f"kubelet.service |   --hostname-override=worker-{number} " in shown.out
        seen.add(shown.out)
    assert len(seen) == 20
    # A node that stands in the stack file is shown alike.
    project(tmp_path, {"nodes": nodes})
    assert Shown(capsys, tmp_path, "worker-20").out in seen


def test_a_nodes_file_with_secrets_is_refused_as_a_preview_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project(tmp_path, {"nodes": ..., "nodesFile": "nodes.yaml"})
    nodes = {
        "worker-1": {"address": "10.0.0.7", "ssh": {"hostKey": example.HOST_KEYS[0], "password": ENCRYPTED}},
        "worker-2": {"address": "10.0.0.8", "ssh": {"hostKey": example.HOST_KEYS[1], "password": CANARY}},
    }
    (tmp_path / "nodes.yaml").write_text(yaml.safe_dump(nodes))
    shown = Shown(capsys, tmp_path, "worker-1")
    raw = example.changed(example.raw(), {"nodes": ..., "nodesFile": "nodes.yaml"})
    with pytest.raises(SettingsError) as caught:
        load(raw, tmp_path, ())
    assert shown.err == f"the configuration of stack dev has problems:\n{caught.value}\n"
    assert [problem.path for problem in caught.value.problems] == [
        "nodes.worker-1.ssh.password",
        "nodes.worker-2.ssh.password",
    ]


@pytest.mark.parametrize(
    ("changes", "words", "error"),
    [
        ({}, ["worker-9"], "there is no node worker-9 in stack dev; the nodes are worker-1, worker-2"),
        ({}, [], "which node? The nodes are worker-1, worker-2"),
        ({}, ["worker-1", "--stack", "prod"], "the configuration of stack prod has problems:\nPulumi.prod.yaml: there is no such file in the project directory"),
        ({"rollout": {"batchSize": 0}}, ["worker-1"], "the configuration of stack dev has problems:\nrollout.batchSize: expected a whole number from 1 to 1000, for example 1"),
        ({"ssh": ENCRYPTED}, ["worker-1"], "the configuration of stack dev has problems:\nssh: is encrypted as a whole, and nothing is decrypted here: encrypt the secrets in it one by one"),
        ({"nodes": ..., "nodesFile": "nowhere.yaml"}, ["worker-1"], "the configuration of stack dev has problems:\nnodesFile: there is no file nowhere.yaml in the project directory"),
    ],
)  # fmt: skip
def test_what_is_told(
    changes: dict[str, Any],
    words: list[str],
    error: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = Shown(capsys, project(tmp_path, changes), *words)
    assert (shown.code, shown.out, shown.err) == (1, "", f"{error}\n")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("config:\n  a: [1\n", "is no YAML, line 3: a list in [ ] that is not closed, or lacks a comma"),
        ("config: {}\nconfig: {}\n", "is no YAML, line 2: the key config stands there twice"),
        ("\0", "is no YAML"),
        ("[]", "expected a map of keys and values"),
        ("config: 1", "there is no map config in it"),
    ],
)
def test_a_broken_stack_file_is_named_once(
    text: str, error: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project(tmp_path) / "Pulumi.dev.yaml").write_text(text)
    shown = Shown(capsys, tmp_path, "worker-1")
    assert shown.err == f"the configuration of stack dev has problems:\nPulumi.dev.yaml: {error}\n"


def test_a_stack_file_that_cannot_be_read_is_named_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = project(tmp_path) / "Pulumi.dev.yaml"
    file.unlink()
    file.mkdir()
    shown = Shown(capsys, tmp_path, "worker-1")
    assert shown.err.splitlines()[1:] == ["Pulumi.dev.yaml: cannot be read: is a directory"]


def test_it_starts_nothing_and_needs_no_pulumi(tmp_path: Path) -> None:
    """As `make show` runs it, with no PATH and no passphrase."""
    project(tmp_path)
    program = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); from pathlib import Path;"
        "from components.show.__main__ import main; code = main(sys.argv[1:], Path.cwd());"
        "assert not [name for name in sys.modules if name.startswith(('pulumi', 'grpc'))]; sys.exit(code)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, str(ROOT), "worker-1"],
        cwd=tmp_path,
        env={"PATH": "/nonexistent"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "kubelet.yaml | apiVersion: kubelet.config.k8s.io/v1beta1" in ran.stdout


def test_help_says_what_there_is(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"], tmp_path)
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert all(word in text for word in ("--stack", "--part", "--file", "--output"))
