"""A stack that can be previewed with no way to the API, and a time without one.

Owns what the stack must say of its cluster for that, and the file that leads nowhere. Does not own what is seen then.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from tests.e2e.lab import Lab
from tests.e2e.stack import Json


@contextmanager
def known(lab: Lab) -> Iterator[None]:
    """The stack says of its cluster what is else read from the kubeconfig, so that it can do without the file."""
    document = yaml.safe_load(lab.place.checkout.kubeconfig.read_text(encoding="utf-8"))
    cluster = document["clusters"][0]["cluster"]
    before = lab.stack.file.read_text(encoding="utf-8")

    def say(config: Json) -> None:
        config["cluster"].setdefault("server", cluster["server"])
        config["cluster"]["caData"] = cluster["certificate-authority-data"]

    lab.stack.configure(say)
    try:
        yield
    finally:
        lab.stack.file.write_text(before, encoding="utf-8")


def administrator(lab: Lab) -> Path:
    """The kubeconfig that the stack names at the moment."""
    config = yaml.safe_load(lab.stack.file.read_text(encoding="utf-8"))["config"]
    return lab.place.root / str(config["kubenode:cluster"]["kubeconfigFile"])


@contextmanager
def away(lab: Lab) -> Iterator[None]:
    """Nobody listens where that kubeconfig leads to."""
    path = administrator(lab)
    text = path.read_text(encoding="utf-8")
    document = yaml.safe_load(text)
    document["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(text, encoding="utf-8")
