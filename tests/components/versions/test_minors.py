"""The table of releases."""

from __future__ import annotations

import pytest

from components.settings.defaults import KUBE_PROXY, KUBELET
from components.versions import MINORS, Minor, UnsupportedVersionError, cri_dockerd, supported
from components.versions.fields import kube_proxy_fields, kubelet_fields


def test_the_supported_minors() -> None:
    assert list(MINORS) == [10, *range(29, 38)]
    assert all(row.number == number for number, row in MINORS.items())


@pytest.mark.parametrize(("version", "name"), [("1.37.2", "1.37"), ("v1.29.0", "1.29"), ("1.10.13", "1.10")])
def test_a_supported_version_has_its_row(version: str, name: str) -> None:
    assert supported(version).name == name


@pytest.mark.parametrize(
    ("version", "nearest", "reason"),
    [
        ("1.38.0", "1.37", "newer"),
        ("2.0.0", "1.37", "newer"),
        ("1.9.11", "1.10", "v1beta1"),
        ("1.28.15", "1.29", "end of life"),
        ("1.11.0", "1.10", "end of life"),
        ("1.20.0", "1.29", "end of life"),
    ],
)
def test_another_version_is_refused_with_reason_and_neighbour(
    version: str, nearest: str, reason: str
) -> None:
    with pytest.raises(UnsupportedVersionError, match=reason) as caught:
        supported(version)
    assert caught.value.nearest == nearest
    assert version in str(caught.value)


@pytest.mark.parametrize("row", MINORS.values(), ids=lambda row: row.name)
class TestRow:
    """What must hold for every row."""

    def test_flags_of_the_row_are_not_gone(self, row: Minor) -> None:
        assert set(row.kubelet_flags) <= row.known_kubelet_flags
        assert ("pod-infra-container-image" in row.kubelet_flags) is (row.runtime.name == "dockershim")

    def test_cri_dockerd_from_1_24_on(self, row: Minor) -> None:
        assert row.runtime.needs_cri_dockerd is (row.number >= 24)
        assert ("cri-docker.socket" in row.runtime.units) is row.runtime.needs_cri_dockerd

    def test_secure_fields_are_known(self, row: Minor) -> None:
        assert {"authentication", "authorization", "readOnlyPort", "address"} <= row.kubelet_fields
        assert {"mode", "clusterCIDR", "hostnameOverride"} <= row.kube_proxy_fields


def test_every_default_field_is_known_to_the_newest_release() -> None:
    newest = MINORS[max(MINORS)]
    assert set(KUBELET) <= newest.kubelet_fields
    assert set(KUBE_PROXY) <= newest.kube_proxy_fields


def test_fields_only_grow_apart_from_what_is_refused() -> None:
    for number in range(29, 37):
        assert kubelet_fields(number) - kubelet_fields(number + 1) <= {"runOnce"}
        assert kube_proxy_fields(number) <= kube_proxy_fields(number + 1)
    assert "runOnce" not in kubelet_fields(37)
    assert "failCgroupV1" in kubelet_fields(31) - kubelet_fields(30)
    assert (len(kubelet_fields(29)), len(kubelet_fields(36))) == (113, 125)


@pytest.mark.parametrize(
    ("version", "docker", "is_fine"),
    [
        ("0.4.3", 20, True),
        ("0.4.3", 29, True),
        ("0.4.1", 20, False),
        ("0.4.0", 22, False),
        ("0.4.1", 23, True),
        ("0.3.15", 29, False),
        ("0.3.16", 29, True),
        ("v0.3.10", 28, True),
    ],
)
def test_cri_dockerd_and_docker(version: str, docker: int, is_fine: bool) -> None:
    assert (cri_dockerd.refusal(version, docker) is None) is is_fine
