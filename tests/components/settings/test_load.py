"""What a good configuration becomes: defaults, merging, files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from components.rendering import yaml_text
from components.settings import SettingsError, StackSettings, load
from tests.components import example


def test_a_short_node_gets_every_default(tmp_path: Path) -> None:
    node = example.stack(tmp_path).nodes["worker-1"]
    assert (node.name, node.address, node.node_ip) == ("worker-1", "10.0.0.7", "10.0.0.7")
    assert (node.kubernetes_version, node.minor.number) == ("1.37.2", 37)
    assert (node.ssh.user, node.ssh.port, node.ssh.dial_error_limit, node.ssh.per_dial_timeout_seconds) == (
        "root",
        22,
        3,
        5,
    )
    assert node.ssh.host_key == example.HOST_KEYS[0]
    assert node.ssh.private_key is not None
    assert node.ssh.private_key.get_secret_value() == example.private_key()
    assert node.docker.package == "docker.io"
    assert node.pause_image == "registry.k8s.io/pause:3.10.2"
    assert node.artifacts.cni_plugins is None
    assert node.artifacts.images == ()


def test_a_node_overrides_the_stack_key_by_key(tmp_path: Path) -> None:
    changes = {
        "kubelet": {"extraConfig": {"maxPods": 30, "seccompDefault": True}},
        "docker": {"logMaxFile": 9},
    }
    nodes = example.stack(tmp_path, changes).nodes
    assert nodes["worker-1"].kubelet.extra_config == {"maxPods": 30, "seccompDefault": True}
    assert nodes["worker-2"].kubelet.extra_config["maxPods"] == 55
    assert nodes["worker-2"].kubelet.extra_config["seccompDefault"] is True
    assert (nodes["worker-2"].docker.log_max_file, nodes["worker-2"].docker.log_max_size) == (9, "50m")


def test_a_node_of_another_release_has_that_release_s_row_and_downloads(tmp_path: Path) -> None:
    example.write_project(tmp_path, "1.37.2", "1.36.1")
    raw = example.changed(example.raw(), {"nodes/worker-1/kubernetes": {"version": "v1.36.1"}})
    node = load(raw, tmp_path).nodes["worker-1"]
    assert (node.kubernetes_version, node.minor.name) == ("1.36.1", "1.36")
    name = "release/v1.36.1/bin/linux/amd64/kubelet"
    assert (node.artifacts.kubelet.url, node.artifacts.kubelet.sha256) == (
        f"{example.MIRROR}/{name}",
        example.checksum(name),
    )


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("kubelet", "https://dl.k8s.io/release/v1.37.2/bin/linux/amd64/kubelet"),
        ("kube_proxy", "https://dl.k8s.io/release/v1.37.2/bin/linux/amd64/kube-proxy"),
        (
            "cri_dockerd",
            "https://github.com/Mirantis/cri-dockerd/releases/download/v0.4.3/cri-dockerd-0.4.3.amd64.tgz",
        ),
        (
            "cni_plugins",
            "https://github.com/containernetworking/plugins/releases/download/v1.1.1/cni-plugins-linux-amd64-v1.1.1.tgz",
        ),
    ],
)
def test_without_mirror_downloads_come_from_upstream(tmp_path: Path, name: str, url: str) -> None:
    settings = example.stack(tmp_path, {"downloads/mirror": ..., "nodes/worker-2/docker/images": []})
    assert getattr(settings.nodes["worker-2"].artifacts, name).url == url


def test_the_cluster_comes_from_the_current_context(tmp_path: Path) -> None:
    cluster = example.stack(tmp_path).cluster
    assert (cluster.server, cluster.ca_pem) == ("https://10.0.0.1:6443", example.CA_PEM)
    assert (cluster.identifier, cluster.kubeconfig_cluster_name) == ("example", "example")
    assert cluster.kubeconfig_file == "admin.kubeconfig"


def test_a_named_context_and_own_values_win(tmp_path: Path) -> None:
    own = {"cluster/context": "admin@other", "cluster/identifier": "production"}
    cluster = example.stack(tmp_path, own).cluster
    assert (cluster.server, cluster.identifier) == ("https://10.9.9.9:6443", "production")
    assert (
        example.stack(tmp_path, {**own, "cluster/server": "https://api:6443/"}).cluster.server
        == "https://api:6443"
    )


def test_a_certificate_authority_may_be_a_file_beside_the_kubeconfig(tmp_path: Path) -> None:
    example.write_project(tmp_path)
    (tmp_path / "ca.crt").write_text("subject=whatever\n" + example.CA_PEM.replace("\n", "\r\n"))
    (tmp_path / "admin.kubeconfig").write_text(example.kubeconfig(authority="certificate-authority: ca.crt"))
    assert load(example.raw(), tmp_path).cluster.ca_pem == example.CA_PEM


def test_a_kubeconfig_in_the_stack_is_a_secret(tmp_path: Path) -> None:
    settings = example.stack(
        tmp_path, {"cluster/kubeconfigFile": ..., "cluster/kubeconfig": example.kubeconfig()}
    )
    assert settings.cluster.server == "https://10.0.0.1:6443"
    assert settings.cluster.kubeconfig is not None
    assert settings.cluster.kubeconfig.get_secret_value() == example.kubeconfig()
    assert "token-of-the-admin" not in repr(settings)


def test_no_secret_is_in_the_representation(tmp_path: Path) -> None:
    settings = example.stack(
        tmp_path,
        {"nodes/worker-1/ssh/password": "pass-of-the-host"},
    )
    assert settings.nodes["worker-1"].ssh.password is not None
    assert settings.nodes["worker-1"].ssh.private_key is None
    for secret in ("pass-of-the-host", example.private_key().splitlines()[1]):
        assert secret not in repr(settings)


@pytest.mark.parametrize(
    "way",
    [{"agent": True}, {"password": "p"}, {"privateKey": example.private_key()}, {"privateKeyFile": "other"}],
    ids=lambda way: next(iter(way)),
)
def test_a_node_s_way_to_log_in_replaces_the_stack_s(tmp_path: Path, way: dict[str, object]) -> None:
    (tmp_path / "other").write_text(example.private_key())
    changes = {f"nodes/worker-1/ssh/{key}": value for key, value in way.items()}
    assert example.problems(tmp_path, changes) == []


def test_a_node_s_host_key_replaces_the_stack_s_trust(tmp_path: Path) -> None:
    settings = example.stack(tmp_path, {"ssh/insecureIgnoreHostKey": True, "nodes/worker-2/ssh/hostKey": ...})
    assert settings.nodes["worker-1"].ssh.host_key == example.HOST_KEYS[0]
    assert not settings.nodes["worker-1"].ssh.insecure_ignore_host_key
    assert settings.nodes["worker-2"].ssh.host_key is None
    assert settings.nodes["worker-2"].ssh.insecure_ignore_host_key


def test_a_host_key_loses_its_comment(tmp_path: Path) -> None:
    settings = example.stack(tmp_path, {"nodes/worker-1/ssh/hostKey": f"{example.HOST_KEYS[0]} root@host"})
    assert settings.nodes["worker-1"].ssh.host_key == example.HOST_KEYS[0]


class TestNodesFile:
    """The map of nodes in a file of its own, which another tool writes."""

    def load(self, directory: Path, text: str) -> StackSettings:
        example.write_project(directory)
        (directory / "nodes.yaml").write_text(text)
        return load(example.changed(example.raw(), {"nodes": ..., "nodesFile": "nodes.yaml"}), directory)

    def test_is_the_same_as_nodes(self, tmp_path: Path) -> None:
        self.load(tmp_path, f"worker-1:\n  address: 10.0.0.7\n  ssh: {{hostKey: {example.HOST_KEYS[0]}}}\n")

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("", "nodesFile: expected at least one node, for example worker-1: {address: 10.0.0.7}"),
            (
                "- a\n",
                "nodesFile: expected a map with the nodes' names as keys, "
                "for example worker-1: {address: 10.0.0.7}",
            ),
            (
                "a: {address: 10.0.0.7}\na: {}\n",
                "nodesFile: nodes.yaml is no YAML, line 2: the key a stands there twice",
            ),
            ("a: [\n", "nodesFile: nodes.yaml is no YAML, line 2"),
            ("a: secret\n", "nodes.a: expected a map of keys and values, for example {address: 10.0.0.7}"),
        ],
    )
    def test_says_what_is_wrong_with_it(self, tmp_path: Path, text: str, line: str) -> None:
        with pytest.raises(SettingsError) as caught:
            self.load(tmp_path, text)
        assert line in str(caught.value).splitlines()

    def test_a_name_of_digits_is_text_as_pulumi_makes_it(self, tmp_path: Path) -> None:
        node = f'{{address: 10.0.0.7, ssh: {{hostKey: "{example.HOST_KEYS[0]}"}}}}'
        assert list(self.load(tmp_path, f"17: {node}\n").nodes) == ["17"]

    def test_a_name_that_pulumi_makes_another_of(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError) as caught:
            self.load(tmp_path, "w1: {address: 10.0.0.6}\n1.10: {address: 10.0.0.7}\n")
        assert str(caught.value) == (
            "nodesFile: nodes.yaml, line 2: a key of which Pulumi makes other text: write it in quotes"
        )


class TestFilesThatAreNotThere:
    """A preview in a pull request has no secrets; it works without their files, an `up` does not."""

    def test_private_key(self, tmp_path: Path) -> None:
        example.write_project(tmp_path)
        (tmp_path / "id_ed25519").unlink()
        settings = load(example.raw(), tmp_path)
        assert settings.nodes["worker-1"].ssh.private_key is None
        assert settings.nodes["worker-1"].ssh.private_key_file == "id_ed25519"
        with pytest.raises(SettingsError) as caught:
            settings.require_files()
        message = "ssh.privateKeyFile: there is no file id_ed25519 in the project directory"
        assert str(caught.value) == message

    def test_kubeconfig_with_everything_it_would_say(self, tmp_path: Path) -> None:
        example.write_project(tmp_path)
        whole = load(example.raw(), tmp_path)
        said = {"server": whole.cluster.server, "caData": whole.cluster.ca_pem, "identifier": "example"}
        changes = {f"cluster/{key}": value for key, value in said.items()}
        (tmp_path / "admin.kubeconfig").unlink()
        settings = load(example.changed(example.raw(), changes), tmp_path)
        assert (settings.cluster.server, settings.cluster.ca_pem) == (
            whole.cluster.server,
            whole.cluster.ca_pem,
        )
        with pytest.raises(SettingsError, match=r"cluster\.kubeconfigFile"):
            settings.require_files()

    def test_kubeconfig_that_is_needed(self, tmp_path: Path) -> None:
        example.write_project(tmp_path)
        (tmp_path / "admin.kubeconfig").unlink()
        with pytest.raises(
            SettingsError, match="a preview can do without it if server, caData and identifier"
        ):
            load(example.raw(), tmp_path)

    def test_nothing_is_missing_otherwise(self, tmp_path: Path) -> None:
        settings = example.stack(tmp_path)
        assert settings.missing == ()
        settings.require_files()


def test_single_downloads_from_elsewhere_keep_the_checksum_of_their_name(tmp_path: Path) -> None:
    urls = {
        "kubelet": "https://files.example.org/{version}/{architecture}/kubelet",
        "criDockerd": "https://files.example.org/cri-dockerd.tgz",
    }
    there = example.stack(tmp_path, {"downloads/urls": urls}).nodes["worker-1"].artifacts
    usual = example.stack(tmp_path).nodes["worker-1"].artifacts
    assert there.kubelet.url == "https://files.example.org/1.37.2/amd64/kubelet"
    assert there.kubelet.sha256 == usual.kubelet.sha256
    assert there.cri_dockerd is not None
    assert there.cri_dockerd.url == "https://files.example.org/cri-dockerd.tgz"
    assert there.kube_proxy == usual.kube_proxy
    assert there.cni_plugins == usual.cni_plugins


BASTION = {"address": "10.0.0.1", "user": "jump", "hostKey": example.HOST_KEYS[0]}
PROXY = {"proxy": {"https": "http://kube:secret-word@proxy.example.org:3128"}}


@pytest.mark.parametrize(
    ("changes", "encrypted", "line"),
    [
        (
            {"host": PROXY},
            set(),
            "host.proxy.https: is a secret, and so must be encrypted: "
            "pulumi config set --secret --path 'host.proxy.https'",
        ),
        (
            {"nodes/worker-1/host": PROXY},
            {"host"},
            "nodes.worker-1.host.proxy.https: is a secret, and so must be encrypted: "
            "pulumi config set --secret --path 'nodes.worker-1.host.proxy.https'",
        ),
        (
            {"docker": {"registries": {"registry.example.org": {"username": "puller", "password": "word"}}}},
            {"host"},
            "docker.registries.registry.example.org.password: is a secret, and so must be encrypted: "
            "pulumi config set --secret --path 'docker.registries[\"registry.example.org\"].password'",
        ),
        (
            {"docker": {"registries": {"proxy": {"username": "puller", "password": "word"}}}},
            set(),
            "docker.registries.proxy.password: is a secret, and so must be encrypted: "
            "pulumi config set --secret --path 'docker.registries.proxy.password'",
        ),
        (
            {"ssh": {"password": "word", "hostKey": example.HOST_KEYS[0]}},
            set(),
            "ssh.password: is a secret, and so must be encrypted: "
            "pulumi config set --secret --path 'ssh.password'",
        ),
        (
            {"nodes/worker-1/ssh/bastion": {**BASTION, "password": "word"}},
            {"ssh"},
            "nodes.worker-1.ssh.bastion.password: is a secret, and so must be encrypted: "
            "pulumi config set --secret --path 'nodes.worker-1.ssh.bastion.password'",
        ),
        ({"host": PROXY}, {"host"}, None),
        ({"nodes/worker-1/host": PROXY}, {"nodes"}, None),
        ({"host": PROXY}, None, None),
        ({"host": {"proxy": {"https": "http://proxy.example.org:3128"}}}, set(), None),
    ],
)
def test_a_secret_must_be_encrypted(
    changes: dict[str, Any], encrypted: set[str] | None, line: str | None, tmp_path: Path
) -> None:
    example.write_project(tmp_path)
    raw = example.changed(example.raw(), changes)
    if line is None:
        assert load(raw, tmp_path, encrypted).nodes["worker-1"].host.proxy is not None
        return
    with pytest.raises(SettingsError) as caught:
        load(raw, tmp_path, encrypted)
    assert str(caught.value) == line


def test_a_nodes_file_can_hold_no_password(tmp_path: Path) -> None:
    example.write_project(tmp_path)
    raw = example.raw()
    nodes = raw.pop("nodes")
    nodes["worker-1"]["host"] = PROXY
    (tmp_path / "nodes.yaml").write_text(yaml_text(nodes))
    with pytest.raises(SettingsError) as caught:
        load({**raw, "nodesFile": "nodes.yaml"}, tmp_path, {"nodes", "host"})
    assert str(caught.value) == (
        "nodes.worker-1.host.proxy.https: is a secret, and nodesFile has no encrypted values: "
        "set it in host.proxy.https"
    )


def test_a_bastion_is_merged_key_by_key_and_its_login_as_a_whole(tmp_path: Path) -> None:
    bastion = {
        "address": "10.0.0.1",
        "user": "jump",
        "privateKeyFile": "id_ed25519",
        "hostKey": example.HOST_KEYS[0],
    }
    changes = {
        "ssh/bastion": bastion,
        "nodes/worker-2/ssh/bastion": {"password": "of the bastion", "port": 2200},
    }
    nodes = example.stack(tmp_path, changes).nodes
    first, second = nodes["worker-1"].ssh.bastion, nodes["worker-2"].ssh.bastion
    assert first is not None
    assert second is not None
    assert (first.address, first.user, first.port, first.host_key) == (
        "10.0.0.1",
        "jump",
        22,
        example.HOST_KEYS[0],
    )
    assert first.private_key is not None
    assert first.password is None
    assert (second.port, second.private_key) == (2200, None)
    assert second.password is not None
    assert "of the bastion" not in repr(nodes["worker-2"])
    changes["nodes/worker-2/ssh/bastion"] = None
    assert example.stack(tmp_path, changes).nodes["worker-2"].ssh.bastion is None


def test_a_preview_can_do_without_the_bastions_key(tmp_path: Path) -> None:
    bastion = {
        "address": "10.0.0.1",
        "user": "jump",
        "privateKeyFile": "nowhere",
        "hostKey": example.HOST_KEYS[0],
    }
    found = example.stack(tmp_path, {"ssh/bastion": bastion})
    assert [str(one) for one in found.missing] == [
        "ssh.bastion.privateKeyFile: there is no file nowhere in the project directory"
    ]


ENCRYPTED = {"secure": "v1:qzjx-secret"}


@pytest.mark.parametrize(
    ("node", "lines"),
    [
        (
            {"ssh": {"hostKey": example.HOST_KEYS[0], "password": ENCRYPTED}},
            [
                "nodes.w.ssh.password: is an encrypted value, and nodesFile is plain YAML that nobody decrypts: set it "
                "for all nodes, pulumi config set --secret --path 'ssh.password', or move the nodes into the stack file"
            ],
        ),
        (
            {"ssh": ENCRYPTED},
            [
                "nodes.w.ssh: is an encrypted value, and nodesFile is plain YAML that nobody decrypts: set it for all "
                "nodes, pulumi config set --secret --path 'ssh', or move the nodes into the stack file",
                "nodes.w.ssh.hostKey: required",
            ],
        ),
        (
            {"ssh": {"hostKey": example.HOST_KEYS[0]}, "labels": {"example.org/rack": ENCRYPTED}},
            [
                "nodes.w.labels.example.org/rack: is an encrypted value, and nodesFile is plain YAML that nobody "
                "decrypts: write it in plain text, or move the nodes into the stack file"
            ],
        ),
        (
            {"ssh": {"hostKey": example.HOST_KEYS[0]}, "host": {"packages": ["a1", ENCRYPTED]}},
            [
                "nodes.w.host.packages[1]: is an encrypted value, and nodesFile is plain YAML that nobody decrypts: "
                "set it for all nodes, pulumi config set --secret --path 'host.packages[1]', or move the nodes into "
                "the stack file"
            ],
        ),
    ],
)
def test_a_nodes_file_with_an_encrypted_value_says_where_it_must_go(
    node: dict[str, Any], lines: list[str], tmp_path: Path
) -> None:
    (tmp_path / "nodes.yaml").write_text(yaml.safe_dump({"w": {"address": "10.0.0.7", **node}}))
    found = example.problems(tmp_path, {"nodes": ..., "nodesFile": "nodes.yaml"})
    assert len(found) == len(lines)
    assert all(one.startswith(line) for one, line in zip(found, lines, strict=True))


def test_a_node_of_a_nodes_file_that_is_encrypted_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "nodes.yaml").write_text(yaml.safe_dump({"w": ENCRYPTED}))
    found = example.problems(tmp_path, {"nodes": ..., "nodesFile": "nodes.yaml"})
    assert found == [
        "nodes.w: is an encrypted value, and nodesFile is plain YAML that nobody decrypts: write it in plain text, "
        "or move the nodes into the stack file"
    ]


def test_a_map_secure_of_the_stack_file_is_no_encrypted_value(tmp_path: Path) -> None:
    """Pulumi decrypts before the program reads; what still looks so is what somebody wrote."""
    found = example.problems(tmp_path, {"nodes/worker-1/ssh/password": {"secure": "x"}})
    assert "nodes.worker-1.ssh.password: expected a password, for example an encrypted value" in found
