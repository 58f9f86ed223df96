"""The node of the walkthrough that kubenode began as: what it writes, what the profile renders, and the difference.

Owns the reading of units and YAML as places with values, so that two layouts of the same thing are the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from components.docker import files as docker
from components.host import files as host
from components.kube_proxy import files as kube_proxy
from components.kubelet import files as kubelet
from components.settings import NodeSettings, load
from tests.components import example

GOLDEN = Path(__file__).parents[1] / "golden/seed"
NAME = "192.168.178.128"
TOKEN = "0123456789abcdef0123456789abcdef"
ABSENT = "absent"

Places = dict[str, str]


def raw(*, configured_by: str = "flags", modern: str = "") -> dict[str, Any]:
    """The configuration of the walkthrough's node; `modern`: this release with this project's own values instead."""
    found: dict[str, Any] = {
        **example.raw(modern),
        "cluster": {
            "kubeconfigFile": "admin.kubeconfig",
            "server": f"https://{NAME}:6443",
            "podCidr": "172.20.0.0/16",
            "serviceCidr": "10.254.0.0/16",
            "dns": {"address": "10.254.0.2"},
        },
        "nodes": {
            NAME: {
                "address": NAME,
                "labels": {"node-role.kubernetes.io/k8s-node": "true"},
                "ssh": {"hostKey": example.HOST_KEYS[0]},
            }
        },
    }
    if not modern:
        del found["kubernetes"]
        found |= {
            "profile": "seed-1.10",
            "identity": {"static": {"tokenFile": "token"}},
            "kubeProxy": {"configuredBy": configured_by},
        }
    return found


def node(directory: Path, **choices: str) -> NodeSettings:
    """Its settings."""
    example.write_project(directory, choices.get("modern") or "1.10.2")
    (directory / "token").write_text(f"{TOKEN}\n")
    return load(raw(**choices), directory).nodes[NAME]


def rendered(settings: NodeSettings) -> Mapping[str, str]:
    """Every file of a node that has a counterpart, by its name; packages as one more."""
    parts = (host.files, docker.files, kubelet.files, kube_proxy.files)
    found = {file.name: file.content for files in parts for file in files(settings)}
    return {**found, "packages": "".join(f"{name}: installed\n" for name in host.packages(settings))}


def places(name: str, text: str) -> Places:
    """What a file says, place by place."""
    if name.endswith(".service"):
        return dict(_unit(text))
    return dict(_flat(yaml.safe_load(text)))


def difference(before: Places, after: Places) -> dict[str, tuple[str, str]]:
    """The places that differ, each with both values."""
    return {
        place: (before.get(place, ABSENT), after.get(place, ABSENT))
        for place in sorted({*before, *after})
        if before.get(place) != after.get(place)
    }


def _unit(text: str) -> Iterator[tuple[str, str]]:
    section = ""
    for line in text.replace("\\\n", " ").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif "=" in line:
            directive, _, value = line.partition("=")
            if directive != "ExecStart":
                yield f"{section}.{directive}", value
                continue
            program, *flags = value.split()
            yield "program", program
            for flag in flags:
                name, _, given = flag.partition("=")
                yield name, given


def _flat(value: object, above: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _flat(item, f"{above}.{key}" if above else str(key))
    else:
        yield above, value if isinstance(value, str) else json.dumps(value)
