"""The table of kinds against the types that Kubernetes itself publishes."""

from __future__ import annotations

import pytest

from components.versions import MINORS, Minor, kinds
from tests.components.versions.gotypes import GoTypes, module

PLAIN = {
    "bool",
    "int32",
    "int64",
    "uint32",
    "float",
    "text",
    "duration",
    "duration or number",
    "quantity",
}
# Where the types stand in each module.
FILES = {
    "kubelet": "config/v1beta1/types.go",
    "kube-proxy": "config/v1alpha1/types.go",
    "component-base": "logs/api/v1/types.go config/v1alpha1/types.go tracing/api/v1/types.go",
    "api": "core/v1/types.go",
}
KUBE_PROXY = tuple(
    name for name in kinds.STRUCTS if name.startswith("KubeProxy") or name == "DetectLocalConfiguration"
)


def published(release: str, *names: str) -> GoTypes:
    """The types of a release; the test is skipped if a module is not in the cache."""
    found = []
    for name in names:
        folder = module(name, release)
        if folder is None:
            pytest.skip(f"k8s.io/{name} of {release} is not in the Go module cache")
        found += [folder / file for file in FILES[name].split()]
    return GoTypes.of(*found)


@pytest.mark.parametrize("struct", kinds.STRUCTS)
def test_the_newest_release_has_exactly_these_fields_and_kinds(struct: str) -> None:
    newest = MINORS[max(MINORS)].name
    assert published(newest, *FILES).fields(struct) == kinds.STRUCTS[struct]


@pytest.mark.parametrize("release", [row.name for row in MINORS.values() if row.number >= 29])
def test_the_fields_of_a_kubelet_are_the_table_s(release: str) -> None:
    """With types of 1.37 for what is nested, none of which lost a field."""
    newest = MINORS[max(MINORS)].name
    types = published(newest, "component-base", "api")
    folder = module("kubelet", release)
    if folder is None:
        pytest.skip(f"k8s.io/kubelet of {release} is not in the Go module cache")
    found = types.beside(folder / FILES["kubelet"]).fields(kinds.KUBELET)
    row = MINORS[int(release.partition(".")[2])]
    assert row.kubelet_fields == set(found) - ({"runOnce"} if row.number >= 37 else set())
    assert found.items() <= kinds.STRUCTS[kinds.KUBELET].items()


@pytest.mark.parametrize("release", [row.name for row in MINORS.values() if row.number >= 29])
def test_the_fields_of_a_kube_proxy_are_the_table_s(release: str) -> None:
    newest = MINORS[max(MINORS)].name
    types = published(newest, "component-base", "api")
    folder = module("kube-proxy", release)
    if folder is None:
        pytest.skip(f"k8s.io/kube-proxy of {release} is not in the Go module cache")
    types = types.beside(folder / FILES["kube-proxy"])
    assert MINORS[int(release.partition(".")[2])].kube_proxy_fields == set(types.fields(kinds.KUBE_PROXY))
    for struct in KUBE_PROXY:
        assert types.fields(struct).items() <= kinds.STRUCTS[struct].items()


def test_every_kind_is_a_plain_word_or_a_struct() -> None:
    for fields in kinds.STRUCTS.values():
        for kind in fields.values():
            assert kind.removeprefix("map of ").removeprefix("list of ") in {*PLAIN, *kinds.STRUCTS}


@pytest.mark.parametrize(
    "row", [row for row in MINORS.values() if row.number >= 29], ids=lambda row: row.name
)
def test_every_field_of_a_release_has_a_kind(row: Minor) -> None:
    assert row.kubelet_fields <= set(kinds.STRUCTS[kinds.KUBELET])
    assert row.kube_proxy_fields <= set(kinds.STRUCTS[kinds.KUBE_PROXY])
