"""What is left of a section with wrong values."""

from __future__ import annotations

from typing import Any

import pytest

from components.settings.calico_sections import CalicoSection
from components.settings.docker_sections import DockerSection
from components.settings.host_sections import SshSection
from components.settings.salvage import salvaged
from components.settings.sections import ClusterSection, NodeSection

CLUSTER = {"podCidr": "10.244.0.0/16", "serviceCidr": "10.96.0.0/16", "dns": {"address": "10.96.0.10"}}


def test_a_section_in_order_is_itself() -> None:
    assert salvaged(ClusterSection, CLUSTER) == ClusterSection.model_validate(CLUSTER)


def test_a_wrong_value_counts_as_not_given_and_an_unknown_key_too() -> None:
    found = salvaged(SshSection, {"port": "22", "user": "admin", "colour": "red"})
    assert found == SshSection.model_validate({"user": "admin"})


def test_a_list_goes_as_a_whole_and_the_rest_stays() -> None:
    images = [{"name": "a:1", "url": "http://x/a"}, {"name": "latest"}]
    found = salvaged(DockerSection, {"images": images, "logMaxFile": 7})
    assert found is not None
    assert (found.images, found.log_max_file) == ((), 7)


def test_what_lacks_a_required_value_goes() -> None:
    found = salvaged(CalicoSection, {"cniPlugins": {}})
    assert found is not None
    assert found.cni_plugins is None


def test_a_wrong_key_of_a_map_takes_the_map_along() -> None:
    found = salvaged(NodeSection, {"address": "10.0.0.7", "labels": {"a b": "c"}, "annotations": {"a": "b"}})
    assert found is not None
    assert (found.labels, found.annotations) == ({}, {"a": "b"})


@pytest.mark.parametrize("value", [{"dns": {"address": "ten"}}, {"podCidr": 7}, {}, None, [], "text"])
def test_a_required_value_is_filled_in(value: Any) -> None:
    assert salvaged(ClusterSection, value) is None
    found = salvaged(ClusterSection, value, CLUSTER)
    assert found is not None
    assert found.pod_cidr == "10.244.0.0/16"


def test_below_a_section_that_is_given_too() -> None:
    filling = {"bastion": {"address": "192.0.2.1", "user": "root"}}
    found = salvaged(SshSection, {"bastion": {"user": 7, "port": 2222, "colour": "red"}}, filling)
    assert found is not None
    assert found.bastion is not None
    assert (found.bastion.address, found.bastion.user, found.bastion.port) == ("192.0.2.1", "root", 2222)
    alone = salvaged(SshSection, {"port": "22"}, filling)
    assert alone is not None
    assert alone.bastion is None


def test_the_given_value_is_left_as_it_was() -> None:
    given = {"dns": {"address": "ten"}, "context": "a"}
    salvaged(ClusterSection, given, CLUSTER)
    assert given == {"dns": {"address": "ten"}, "context": "a"}
