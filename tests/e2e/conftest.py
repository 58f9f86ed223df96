"""The end-to-end suite: a sandbox of its own, and few ordered scenarios on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.lab import HOSTS, Lab
from tests.e2e.measured import MEASURED
from tests.e2e.place import Place

# One `up` serves many: first what needs bare hosts, then what needs a stack that is up, then destroying, then killing.
_ORDER = (
    "test_comparing.py",
    "test_refusals.py",
    "test_in_the_way.py",
    "test_creation.py",
    "test_quiet.py",
    "test_without.py",
    "test_identity.py",
    "test_secrets.py",
    "test_one_setting.py",
    "test_drift.py",
    "test_other_kubeconfig.py",
    "test_other_connections.py",
    "test_wrong_way.py",
    "test_host_details.py",
    "test_other_stack.py",
    "test_workflows.py",
    "test_documented_commands.py",
    "test_failed_change.py",
    "test_drains.py",
    "test_one_node.py",
    "test_heal.py",
    "test_lost_host.py",
    "test_kubelet_client.py",
    "test_removal.py",
    "test_identities.py",
    "test_hostile_requests.py",
    "test_rotation.py",
    "test_upgrade.py",
    "test_older_kubelet.py",
    "test_proxy_modes.py",
    "test_bastion.py",
    "test_identity_ways.py",
    "test_calico.py",
    "test_calico_network.py",
    "test_killed_engine.py",
    "test_killed_steps.py",
    "test_power.py",
    "test_again_and_again.py",
    "test_docker_sources.py",
    "test_survivors.py",
    "test_documented_end.py",
    "test_afterwards.py",
)
_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Ordered among themselves, and before all others: of several workers one has enough to do with these."""
    ours = sorted(
        (item for item in items if item.path.parent == _HERE), key=lambda item: _ORDER.index(item.path.name)
    )
    items[:] = ours + [item for item in items if item.path.parent != _HERE]


@pytest.fixture(scope="session")
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    place = Place()
    with place.held():
        place.fill()
        MEASURED.folder = place.results
        try:
            place.up(HOSTS)
            yield Lab(place)
        finally:
            MEASURED.save()
            if request.config.getoption("--keep-sandbox"):
                MEASURED.kept = place.root
            else:
                place.down()
                place.remove()


@pytest.fixture
def deployed(lab: Lab) -> Lab:
    """The stack is up, with the configuration as earlier tests left it."""
    lab.deployed()
    return lab


@pytest.fixture
def bare(lab: Lab) -> Lab:
    """Nothing is deployed."""
    lab.bare()
    return lab
