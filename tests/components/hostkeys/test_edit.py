"""One value goes into a YAML text, and nothing else changes: not a comment, not a quote."""

from __future__ import annotations

import difflib

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from components.hostkeys.edit import EditError, with_value

KEY = "ssh-ed25519 AAAA+/=="
PATH = ("config", "kubenode:nodes", "worker-1", "ssh", "hostKey")

# what stands below kubenode:nodes: the same with the key
CASES = {
    "block": (
        """\
    worker-1:
      address: 10.0.0.7 # the first
      # a comment at the end

    # the second one
    worker-2:
      address: 10.0.0.8
""",
        """\
    worker-1:
      address: 10.0.0.7 # the first
      ssh:
        hostKey: "ssh-ed25519 AAAA+/=="
      # a comment at the end

    # the second one
    worker-2:
      address: 10.0.0.8
""",
    ),
    "ssh is there": (
        """\
    worker-1:
      ssh:
        # as which user
        user: operator
      address: 10.0.0.7
""",
        """\
    worker-1:
      ssh:
        # as which user
        user: operator
        hostKey: "ssh-ed25519 AAAA+/=="
      address: 10.0.0.7
""",
    ),
    "ssh is empty": (
        "    worker-1:\n      ssh: # later\n      address: 10.0.0.7\n",
        '    worker-1:\n      ssh: # later\n        hostKey: "ssh-ed25519 AAAA+/=="\n      address: 10.0.0.7\n',
    ),
    "ssh is null": (
        "    worker-1:\n      ssh: null\n      address: 10.0.0.7\n",
        '    worker-1:\n      ssh:\n        hostKey: "ssh-ed25519 AAAA+/=="\n      address: 10.0.0.7\n',
    ),
    "key is empty": (
        "    worker-1:\n      ssh:\n        hostKey:\n      address: 10.0.0.7\n",
        '    worker-1:\n      ssh:\n        hostKey: "ssh-ed25519 AAAA+/=="\n      address: 10.0.0.7\n',
    ),
    "another key": (
        "    worker-1:\n      ssh:\n        hostKey: 'ssh-rsa BBBB' # old\n",
        '    worker-1:\n      ssh:\n        hostKey: "ssh-ed25519 AAAA+/==" # old\n',
    ),
    "flow": (
        "    worker-1: {address: 10.0.0.7} # x\n",
        '    worker-1: {address: 10.0.0.7, ssh: {hostKey: "ssh-ed25519 AAAA+/=="}} # x\n',
    ),
    "flow with ssh": (
        "    worker-1: {ssh: {user: operator}, address: 10.0.0.7}\n",
        '    worker-1: {ssh: {user: operator, hostKey: "ssh-ed25519 AAAA+/=="}, address: 10.0.0.7}\n',
    ),
    "flow, empty": (
        "    worker-1: {address: 10.0.0.7, ssh: {}}\n",
        '    worker-1: {address: 10.0.0.7, ssh: {hostKey: "ssh-ed25519 AAAA+/=="}}\n',
    ),
    "a list and a text at the end": (
        "    worker-1:\n      host:\n        packages:\n        - jq\n        - vim # yes\n",
        "    worker-1:\n      host:\n        packages:\n        - jq\n        - vim # yes\n"
        '      ssh:\n        hostKey: "ssh-ed25519 AAAA+/=="\n',
    ),
    "a block of text at the end": (
        "    worker-1:\n      annotations:\n        a: |\n          one\n          two\n",
        "    worker-1:\n      annotations:\n        a: |\n          one\n          two\n"
        '      ssh:\n        hostKey: "ssh-ed25519 AAAA+/=="\n',
    ),
    "no newline at the end": (
        "    worker-1:\n      address: 10.0.0.7",
        '    worker-1:\n      address: 10.0.0.7\n      ssh:\n        hostKey: "ssh-ed25519 AAAA+/=="\n',
    ),
}
HEAD = "# of this stack\nencryptionsalt: v1:x\nconfig:\n  kubenode:ssh: {user: root}\n  kubenode:nodes:\n"


@pytest.mark.parametrize(("before", "after"), CASES.values(), ids=CASES)
def test_only_the_key_is_written(before: str, after: str) -> None:
    edited = with_value(HEAD + before, PATH, KEY)
    assert edited == HEAD + after
    assert with_value(edited, PATH, KEY) == edited


def test_a_file_of_nodes_has_them_at_its_top() -> None:
    text = "# nodes\nworker-1:\n  address: 10.0.0.7\nworker-2:\n  address: 10.0.0.8\n"
    edited = with_value(text, ("worker-1", "ssh", "hostKey"), KEY)
    added = [line for line in difflib.ndiff(text.splitlines(), edited.splitlines()) if line[0] in "+-"]
    assert added == ["+   ssh:", '+     hostKey: "ssh-ed25519 AAAA+/=="']


@pytest.mark.parametrize(
    "text",
    [
        "- a\n",
        "config: {'kubenode:nodes': {worker-1: [a]}}\n",
        "config: {'kubenode:nodes': {worker-1: {ssh: {hostKey: [a]}}}}\n",
        # The other node would get the key too.
        "config:\n  kubenode:nodes:\n    worker-2: &one\n      ssh:\n        user: a\n    worker-1: *one\n",
    ],
)
def test_a_place_that_cannot_be_edited_is_refused(text: str) -> None:
    with pytest.raises(EditError):
        with_value(text, PATH, KEY)


_WORDS = st.text("abc 10:#'\"-{}[]&*!|>%@`,?\n", max_size=6)
_DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | _WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(_WORDS, _DATA, min_size=1, max_size=4),
    st.booleans() | st.none(),
    st.lists(st.sampled_from(["a", "b", "c", "ssh", "hostKey"]), min_size=1, max_size=3),
)
@settings(max_examples=300, deadline=None)
def test_whatever_stands_there_an_edit_is_right_or_refused(
    data: dict[str, object], flow: bool | None, path: list[str]
) -> None:
    text = yaml.safe_dump(data, default_flow_style=flow)
    try:
        edited = with_value(text, path, KEY)
    except EditError:
        return
    at = yaml.safe_load(edited)
    for key in path:
        at = at[key]
    assert at == KEY
