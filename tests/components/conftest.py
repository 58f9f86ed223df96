"""What several modules of tests look at, made once."""

from __future__ import annotations

import pytest

from tests.components import example
from tests.components.graph import Graph, graph_of


@pytest.fixture(scope="session")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """The resources of the example's stack with the proof, which no test changes."""
    return graph_of(example.stack(tmp_path_factory.mktemp("stack"), {"verification": {"enabled": True}}))
