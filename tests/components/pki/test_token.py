"""Bootstrap tokens have the form that the API server accepts, and are as random as their key."""

from __future__ import annotations

import re

from components.pki.token import drawn


def test_a_token_has_the_form_that_the_api_server_accepts() -> None:
    for seed in map(str, range(500)):
        assert re.fullmatch(r"[a-z0-9]{6}\.[a-z0-9]{16}", f"{drawn(seed, 6)}.{drawn(seed, 16)}")


def test_the_same_key_always_gives_the_same_token_and_another_key_another() -> None:
    assert drawn("key", 16) == drawn("key", 16)
    assert len({drawn(str(seed), 16) for seed in range(1000)}) == 1000
