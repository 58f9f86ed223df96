"""Calico's lines and the Kubernetes that each is for."""

from __future__ import annotations

import pytest

from components.versions import MINORS, calico, page


@pytest.mark.parametrize("minor", sorted(MINORS))
def test_every_supported_kubernetes_has_a_line(minor: int) -> None:
    assert calico.lines_for(minor)


def test_the_page_and_the_refusals_are_of_one_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calico, "RANGES", {(3, 99): (36, 37)})
    cells = {
        row.split(" | ")[0]: row
        for row in page.page().splitlines()
        if row.endswith((" | 3.99 |", " known |"))
    }
    assert list(cells) == [f"| {row.name}" for row in MINORS.values()]
    assert [row for row in cells.values() if row.endswith("| 3.99 |")] == [cells["| 1.36"], cells["| 1.37"]]
    assert calico.kubernetes_range("3.99.0") == (36, 37)


def test_a_line_is_read_from_a_release() -> None:
    assert calico.line("v3.33.1") == calico.line("3.33.0") == (3, 33)
    assert calico.name((3, 33)) == "3.33"
    assert calico.kubernetes_range("3.33.1") == (35, 37)
    assert calico.kubernetes_range("3.26.0") is None


def test_ranges_are_ranges() -> None:
    assert all(oldest <= newest for oldest, newest in calico.RANGES.values())
    assert list(calico.RANGES) == sorted(calico.RANGES)


def test_what_a_line_knows() -> None:
    assert not calico.goes_with_ipvs("3.0.6")
    assert calico.goes_with_ipvs("3.1.0")
    assert calico.refuses_loose_rp_filter("3.11.3")
    assert not calico.refuses_loose_rp_filter("3.12.0")
    assert (calico.has_vxlan("3.6.0"), calico.has_vxlan("3.7.0")) == (False, True)


@pytest.mark.parametrize(
    ("version", "mode", "datastore", "names"),
    [
        ("3.33.1", "manifest", "kubernetes", ("calico.yaml",)),
        ("3.33.1", "manifest", "etcd", ("calico-etcd.yaml",)),
        ("3.29.0", "operator", "kubernetes", ("tigera-operator.yaml",)),
        ("3.33.1", "operator", "kubernetes", ("operator-crds.yaml", "tigera-operator.yaml")),
    ],
)
def test_the_release_s_own_files(version: str, mode: str, datastore: str, names: tuple[str, ...]) -> None:
    assert calico.manifest_names(version, mode, datastore) == names
