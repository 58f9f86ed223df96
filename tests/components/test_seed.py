"""The profile seed-1.10 against the walkthrough itself, and docs/seed.md against both."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest
import yaml

from components.identity import kubeconfigs
from components.kubelet import files as kubelet
from components.settings import SettingsError, load
from components.settings.risks import risks
from components.versions.fields import kube_proxy_fields
from tests.components import example, seed, seed_changes

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs/seed.md").read_text(encoding="utf-8")
# file of the walkthrough: the way to configure kube-proxy, and what is rendered for it
FILES = {
    "kubelet.service": ("flags", "kubelet.service"),
    "kubelet.yaml": ("flags", "kubelet.yaml"),
    "kube-proxy.service": ("flags", "kube-proxy.service"),
    "kube-proxy.config.yaml": ("file", "kube-proxy.yaml"),
}
NUMBERS = [f"S{n}" for n in range(1, 168) if n != 139] + ["S139a", "S139b", "S165b"]


def rows(title: str) -> list[list[str]]:
    """The cells of the table under a title of the page."""
    text = PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| S |")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


@pytest.mark.parametrize("name", FILES)
def test_what_differs_from_the_walkthrough_is_on_the_page_and_nothing_else(name: str, tmp_path: Path) -> None:
    by, ours = FILES[name]
    before = seed.places(name, (seed.GOLDEN / name).read_text(encoding="utf-8"))
    after = seed.places(name, seed.rendered(seed.node(tmp_path, configured_by=by))[ours])
    assert len(before) > 7
    told = {
        place.strip("`"): (was.strip("`"), now.strip("`"))
        for _, file, place, was, now, _ in rows("What differs in the files")
        if file.strip("`") == name
    }
    assert told == seed.difference(before, after)


def test_every_difference_has_its_number_and_a_reason() -> None:
    numbers = {row[0] for row in rows("Line by line")}
    for number, *_, why in rows("What differs in the files"):
        assert number in numbers
        assert len(why) > 15


def test_every_number_has_its_row() -> None:
    found = [row[0] for row in rows("Line by line")]
    assert len(found) == len(set(found))
    assert sorted(found) == sorted(NUMBERS)


@cache
def _tests_of(file: Path) -> frozenset[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_every_row_names_a_test_that_is_there_or_says_why_there_is_none() -> None:
    for number, says, here, proof in rows("Line by line"):
        assert says, number
        assert here, number
        named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", proof)
        assert named or re.match(r"none: .{10,}", proof), number
        for file, test in named:
            assert (TESTS / file).is_file(), f"{number}: {file}"
            assert test in _tests_of(TESTS / file), f"{number}: {file}::{test}"


def test_enough_of_the_rows_are_proven() -> None:
    proofs = [row[3] for row in rows("Line by line")]
    assert len([proof for proof in proofs if "::" in proof]) > 130


def test_the_reference_of_kube_proxy_is_what_1_10_knows() -> None:
    text = (seed.GOLDEN / "kube-proxy.kubeadm-recommended.config.conf").read_text(encoding="utf-8")
    fields = set(yaml.safe_load(text)) - {"apiVersion", "kind"}
    assert fields <= kube_proxy_fields(10)
    assert fields - kube_proxy_fields(37) == {"resourceContainer", "udpIdleTimeout"}
    config_map = yaml.safe_load(
        (seed.GOLDEN / "kube-proxy.kubeadm-recommended.configmap.yaml").read_text(encoding="utf-8")
    )
    assert yaml.safe_load(config_map["data"]["config.conf"]) == yaml.safe_load(text)


def test_the_token_of_the_file_and_its_user_are_the_kubeconfig_s(tmp_path: Path) -> None:
    node = seed.node(tmp_path)
    token = node.static_token
    assert token is not None
    assert (token.user, token.token and token.token.get_secret_value()) == ("kubelet-bootstrap", seed.TOKEN)
    line = (seed.GOLDEN / "siblings/token.csv.commands.sh").read_text(encoding="utf-8")
    assert f",{token.user},10001" in line
    file = kubeconfigs.bootstrap(node.cluster.server, seed.TOKEN)
    made = yaml.safe_load(file.content)
    assert (file.path, file.mode) == ("/etc/kubernetes/bootstrap.kubeconfig", "0600")
    assert [context["name"] for context in made["contexts"]] == ["default"] == [made["current-context"]]
    assert [cluster["name"] for cluster in made["clusters"]] == ["kubernetes"]


def test_one_address_of_the_walkthrough_is_three_inputs_here(tmp_path: Path) -> None:
    """The API server, the node's name and its address: changing one changes its own places alone."""
    example.write_project(tmp_path, "1.10.2")
    (tmp_path / "token").write_text(f"{seed.TOKEN}\n")
    raw = seed.raw()
    raw["cluster"]["server"] = "https://10.0.0.1:6443"
    raw["nodes"] = {"worker-1": {**raw["nodes"][seed.NAME], "nodeIp": "10.0.0.9"}}
    texts = seed.rendered(load(raw, tmp_path).nodes["worker-1"])
    assert not [name for name, text in texts.items() if seed.NAME in text]
    assert "--hostname-override=worker-1" in texts["kubelet.service"]
    assert "address: 10.0.0.9" in texts["kubelet.yaml"]


def test_the_other_registration_is_asked_for_in_so_many_words(tmp_path: Path) -> None:
    """A certificate that the node is given: no bootstrap, no token, and the kubelet asks for nothing."""
    example.write_project(tmp_path, "1.10.2")
    raw = {**seed.raw(), "identity": {"client": "issued"}}
    node = load(raw, tmp_path).nodes[seed.NAME]
    assert node.client_is_issued
    assert node.static_token is None
    assert node.identity.key_algorithm == "rsa"
    unit = kubelet.files(node)[1].content
    assert "--bootstrap-kubeconfig" not in unit


def test_the_cluster_s_own_kube_proxy_gets_nothing_of_the_profile(tmp_path: Path) -> None:
    example.write_project(tmp_path, "1.10.2")
    (tmp_path / "token").write_text(f"{seed.TOKEN}\n")
    node = load({**seed.raw(), "kubeProxy": {"mode": "existing"}}, tmp_path).nodes[seed.NAME]
    assert not node.runs_kube_proxy
    assert (dict(node.kube_proxy.extra_flags), dict(node.kube_proxy.extra_config)) == ({}, {})


def test_nothing_of_it_is_a_default(tmp_path: Path) -> None:
    node = example.stack(tmp_path).nodes["worker-1"]
    assert node.profile is None
    assert (node.identity.client, node.identity.approval, node.identity.issuer) == (
        "bootstrap",
        "exact",
        "cluster",
    )
    assert kubelet.configuration(node)["authorization"]["mode"] == "Webhook"
    assert node.kube_proxy_has_a_file
    assert "--node-labels" not in kubelet.files(node)[1].content


def test_each_of_its_choices_is_told_once(tmp_path: Path) -> None:
    node = seed.node(tmp_path)
    said = risks(node.identity, [node])
    assert [text.partition(":")[0] for text in said] == [
        "identity.client is static",
        "identity.approval is manual",
        "kubelet.extraConfig.authorization.mode is AlwaysAllow on every node",
        "kubeProxy.configuredBy is flags on every node",
    ]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"profile": "seed"}, "profile: expected seed-1.10, or leave it out"),
        (
            {"kubernetes": {"version": "1.37.2"}},
            "kubernetes.version: profile seed-1.10 is for Kubernetes 1.10 alone: leave one of them out",
        ),
        (
            {"identity": {}},
            "identity.static.token: expected exactly one of tokenFile, token; none is given, for example tokenFile: "
            "secrets/bootstrap-token",
        ),
        (
            {"kubeProxy": {"extraConfig": {"oomScoreAdj": 0}}},
            "kubeProxy.extraConfig: contradicts kubeProxy.configuredBy, which is flags: no file is read. Set "
            "kubeProxy.extraFlags",
        ),
        (
            {"kubeProxy": {"extraFlags": {"masquerade-all": True}}},
            "kubeProxy.extraFlags.masquerade-all: --masquerade-all is this project's own: Calico's policies would "
            "see node addresses only",
        ),
        (
            {"kubeProxy": {"configuredBy": "file", "extraFlags": {"oom-score-adj": 0}}},
            "kubeProxy.extraFlags.oom-score-adj: with a file kube-proxy reads flags of logging alone: set its field "
            "in kubeProxy.extraConfig",
        ),
        (
            {"kubelet": {"extraFlags": {"node-labels": "node-role.kubernetes.io/k8s-node=true"}}},
            "kubelet.extraFlags.node-labels: --node-labels is this project's own: set labels of the node",
        ),
        (
            {"docker": {"pauseImage": "docker.io/w564791/pod-infrastructure:latest"}},
            "docker.pauseImage: expected an image with a tag other than latest, or a digest, for example "
            "registry.k8s.io/pause:3.10.2",
        ),
        (
            {"kubelet": {"extraConfig": {"address": "127.0.0.1"}}},
            "kubelet.extraConfig.address: the API server cannot reach a loopback address: leave it out, it is nodeIp",
        ),
        (
            {
                "cluster": {
                    **seed.raw()["cluster"],
                    "dns": {"address": "10.254.0.2", "domain": "cluster.local."},
                }
            },
            "cluster.dns.domain: expected a DNS domain without a dot at its end, for example cluster.local",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_does_not_go_with_it_is_refused(change: dict[str, object], problem: str, tmp_path: Path) -> None:
    example.write_project(tmp_path, "1.10.2", "1.37.2")
    (tmp_path / "token").write_text(f"{seed.TOKEN}\n")
    with pytest.raises(SettingsError) as caught:
        load({**seed.raw(), **change}, tmp_path)
    assert problem in str(caught.value).splitlines()


def test_a_value_of_the_stack_s_own_lies_over_the_profile_s(tmp_path: Path) -> None:
    example.write_project(tmp_path, "1.10.13")
    (tmp_path / "token").write_text(f"{seed.TOKEN}\n")
    raw = seed.raw() | {
        "kubernetes": {"version": "1.10.13"},
        "kubelet": {"extraConfig": {"authorization": {"mode": "Webhook"}, "evictionSoft": None}},
    }
    config = kubelet.configuration(load(raw, tmp_path).nodes[seed.NAME])
    assert config["authorization"]["mode"] == "Webhook"
    assert config["authorization"]["webhook"]["cacheAuthorizedTTL"] == "1s"
    assert "evictionSoft" not in config


def test_the_page_of_what_changes_to_a_modern_node_is_up_to_date(tmp_path: Path) -> None:
    assert seed_changes.PAGE.read_text(encoding="utf-8") == seed_changes.page(tmp_path), "run make docs"


def test_every_change_to_a_modern_node_has_a_reason(tmp_path: Path) -> None:
    found = {(file, place) for file, place, *_ in seed_changes.changes(tmp_path)}
    assert found == set(seed_changes.REASONS)
