"""Names of the stack's own, and the list of all that it may make."""

from __future__ import annotations

import pytest

from components.cluster import names

CLAIM = "acme/kubenode/prod"


def test_a_stack_s_slug_is_readable_unique_and_fit_for_a_group_name() -> None:
    first, second = names.stack_slug(CLAIM), names.stack_slug("other/kubenode/prod")
    assert first.startswith("kubenode-prod-")
    assert first != second
    assert names.stack_slug(f"acme/kubenode/{'x' * 200}")[-9] == "-"


def test_names_say_whose_they_are() -> None:
    for name in (names.binding(CLAIM, "renew"), names.proxy_account(CLAIM), names.bootstrap_group(CLAIM)):
        assert names.stack_slug(CLAIM) in name


def test_a_right_that_nobody_would_look_for_afterwards_is_none() -> None:
    with pytest.raises(ValueError, match="eat is none of join, renew"):
        names.binding(CLAIM, "eat")
