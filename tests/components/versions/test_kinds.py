"""The table of kinds against the types that Kubernetes itself publishes."""

from __future__ import annotations

import pytest

from components.versions import MINORS, Minor, kinds
from components.versions.fields import LIVES
from components.versions.lives import ALWAYS, known
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
# In a release before they were modules of their own.
IN_KUBERNETES = {
    "kubelet": "pkg/kubelet/apis/kubeletconfig/v1beta1/types.go",
    "kube-proxy": "pkg/proxy/apis/kubeproxyconfig/v1alpha1/types.go",
}
# In the type, but refused by the release that reads it.
REFUSED = {37: ("runOnce",)}


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
    newest = max(MINORS)
    expected = {
        name: kind for name, kind in kinds.STRUCTS[struct].items() if LIVES[struct][name].knows(newest)
    }
    found = published(MINORS[newest].name, *FILES).fields(struct)
    assert {name: kind for name, kind in found.items() if name not in REFUSED.get(newest, ())} == expected


def older(name: str, release: str) -> GoTypes:
    """The types of a module of a release, with today's for what is nested from others."""
    types = published(MINORS[max(MINORS)].name, "component-base", "api")
    inside = module("kubernetes", release)
    folder = module(name, release)
    if folder is not None:
        return types.beside(folder / FILES[name])
    file = inside / IN_KUBERNETES[name] if inside else None
    if file is None or not file.exists():
        pytest.skip(f"k8s.io/{name} of {release} is not in the Go module cache")
    return types.beside(file)


@pytest.mark.parametrize("release", [row.name for row in MINORS.values()])
@pytest.mark.parametrize(("name", "struct"), [("kubelet", kinds.KUBELET), ("kube-proxy", kinds.KUBE_PROXY)])
def test_the_fields_of_a_release_are_the_table_s(name: str, struct: str, release: str) -> None:
    """Every struct of its file, with those whose kind is of another module."""
    types, number = older(name, release), int(release.partition(".")[2])
    structs = [
        one for one in kinds.STRUCTS if one == struct or (one.startswith("KubeProxy") and name != "kubelet")
    ]
    for one in structs:
        if not types.has(one):
            assert not [life for life in LIVES[one].values() if life == ALWAYS and number >= 29]
            continue
        found = types.fields(one)
        assert set(found) - set(REFUSED.get(number, ())) == known(LIVES[one], number), one
        kept = {field: kind for field, kind in found.items() if "?" not in kind}
        assert kept.items() <= kinds.STRUCTS[one].items()


def test_every_kind_is_a_plain_word_or_a_struct() -> None:
    for fields in kinds.STRUCTS.values():
        for kind in fields.values():
            assert kind.removeprefix("map of ").removeprefix("list of ") in {*PLAIN, *kinds.STRUCTS}


@pytest.mark.parametrize("row", MINORS.values(), ids=lambda row: row.name)
def test_every_field_of_a_release_has_a_kind(row: Minor) -> None:
    assert row.kubelet_fields <= set(kinds.STRUCTS[kinds.KUBELET])
    assert row.kube_proxy_fields <= set(kinds.STRUCTS[kinds.KUBE_PROXY])


@pytest.mark.parametrize("struct", kinds.STRUCTS)
def test_a_field_that_ages_says_what_to_do(struct: str) -> None:
    for name, life in LIVES[struct].items():
        assert life.instead or life == ALWAYS or life.deprecated == life.gone, name
