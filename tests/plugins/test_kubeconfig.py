"""The kubeconfig: what is wrong with one is told, by its place and without what is written there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.plugins.kubeconfig import KubeconfigError, MalformedError, access, active_cluster, read

CANARY = "canary-that-nobody-may-see"


def config(**changes: Any) -> str:
    whole = {
        "current-context": "c",
        "clusters": [{"name": "k", "cluster": {"server": "http://127.0.0.1:1"}}],
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u", "namespace": "n"}}],
        "users": [{"name": "u", "user": {"token": CANARY}}],
    }
    return json.dumps({**whole, **changes})


def test_what_leads_to_the_cluster(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(config())
    for given in (config(), str(file)):
        found = access(read(given), None, None)
        assert (found.server, found.namespace) == ("http://127.0.0.1:1", "n")
        assert found.headers == {"Authorization": f"Bearer {CANARY}"}
        assert CANARY not in repr(found)


def test_who_acts_as_another() -> None:
    user = {"as": "a", "as-uid": "7", "as-groups": ["g", "h"], "as-user-extra": {"Acme/Key": ["x"]}}
    found = access(read(config(users=[{"name": "u", "user": user}])), None, None)
    assert found.impersonation == [
        ("Impersonate-User", "a"),
        ("Impersonate-Uid", "7"),
        ("Impersonate-Group", "g"),
        ("Impersonate-Group", "h"),
        ("Impersonate-Extra-acme%2Fkey", "x"),
    ]


def test_an_empty_one_leads_nowhere() -> None:
    assert active_cluster(read(""), None, None) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"{{{CANARY}", "it is neither a file nor YAML, line 1"),
        (f"a: [{CANARY}\nb: c", "it is neither a file nor YAML, line"),
        (CANARY, "it is neither a file nor a mapping"),
        (f"- {CANARY}", "it is neither a file nor a mapping"),
        ("\0" + CANARY, "it is neither a file nor YAML"),
        (config(clusters={"k": CANARY}), "clusters is no list"),
        (config(users=[CANARY]), r"users\[0\] is no mapping with name and user"),
        (config(users=[{"name": "u", "user": [CANARY]}]), r"users\[0\] is no mapping with name and user"),
        (config(users=[{"name": "u", "user": {"token": 7}}]), r"users\[0\].user.token is no text"),
        (
            config(users=[{"name": "u", "user": {"client-key-data": CANARY}}]),
            r"users\[0\].user.client-key-data: illegal base64 data",
        ),
        (
            config(clusters=[{"name": "k", "cluster": {"insecure-skip-tls-verify": CANARY}}]),
            r"clusters\[0\].cluster.insecure-skip-tls-verify is neither true nor false",
        ),
        (config(**{"current-context": [CANARY]}), "current-context is no text"),
        (config(users=[{"name": CANARY}, {"name": CANARY}]), "users has a name twice"),
        (
            config(users=[{"name": "u", "user": {"as-groups": CANARY}}]),
            r"users\[0\].user.as-groups is no list",
        ),
    ],
)
def test_what_is_no_kubeconfig(text: str, reason: str) -> None:
    with pytest.raises(MalformedError, match=reason) as told:
        read(text)
    assert CANARY not in str(told.value)


def test_everything_wrong_is_told_at_once() -> None:
    with pytest.raises(MalformedError) as told:
        read(config(clusters=CANARY, contexts=[CANARY]))
    assert str(told.value) == "clusters is no list; contexts[0] is no mapping with name and context"


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(MalformedError, match="the file cannot be read: Is a directory"):
        read(str(tmp_path))


@pytest.mark.parametrize(
    ("cluster", "user", "reason"),
    [
        ({}, {}, "no cluster with a server"),
        ({"server": CANARY}, {}, "no URL of http or https"),
        ({"server": f"https://h:{CANARY}"}, {}, "is no URL"),
        ({"server": "https://h", "certificate-authority-data": "Y2FuYXJ5"}, {}, "is no certificate in PEM"),
        (
            {"server": "https://h", "certificate-authority": "/no/such"},
            {},
            "cannot read /no/such: No such file",
        ),
        (
            {"server": "https://h"},
            {"client-certificate-data": "Y2FuYXJ5", "client-key-data": "Y2FuYXJ5"},
            "no pair in PEM",
        ),
        ({"server": "https://h"}, {"exec": {"command": CANARY}}, "does not support exec"),
        (
            {"server": "https://h", "proxy-url": f"socks5://{CANARY}"},
            {},
            "no proxy-url of the cluster but http",
        ),
        (
            {"server": "https://h", "proxy-url": "http://p", "tls-server-name": CANARY},
            {},
            "takes proxy-url or tls-server-name",
        ),
    ],
)
def test_what_leads_nowhere(cluster: dict[str, Any], user: dict[str, Any], reason: str) -> None:
    text = config(clusters=[{"name": "k", "cluster": cluster}], users=[{"name": "u", "user": user}])
    with pytest.raises(KubeconfigError, match=reason) as told:
        access(read(text), None, None)
    assert CANARY not in str(told.value)
    assert "canary" not in str(told.value)
