"""Text that every reader reads the same."""

from __future__ import annotations

import json

import yaml

from components.rendering import command_line, digest, json_text, yaml_text


def test_yaml_is_sorted_and_has_one_value_a_line() -> None:
    assert yaml_text({"b": [1, 2], "a": {"d": True, "c": "x"}}) == "a:\n  c: x\n  d: true\nb:\n- 1\n- 2\n"


def test_equal_values_are_written_twice() -> None:
    same = {"x": 1}
    assert yaml_text({"a": same, "b": same}) == "a:\n  x: 1\nb:\n  x: 1\n"


def test_text_that_go_would_take_for_something_else_is_quoted() -> None:
    for text in (
        "1e9",
        "0o17",
        "y",
        "n",
        "Y",
        "N",
        "1.5",
        "on",
        "null",
        "0x1f",
        "1_000",
        ".5",
        "2024-01-01",
        "~",
        "inf",
    ):
        assert yaml_text({"a": text}) == f"a: '{text}'\n"
    for text in ("10.0.0.7", "2m0s", "200Mi", "10%", "a"):
        assert yaml_text({"a": text}) == f"a: {text}\n"


def test_odd_text_survives() -> None:
    value = {"a": "ü\x85\u2028\n b: #", "b": " ", "c": "'\"", "é": "- x"}
    assert yaml.safe_load(yaml_text(value)) == value
    assert yaml_text(value).isascii()
    assert json.loads(json_text(value)) == value


def test_json_is_sorted_and_ends_with_a_newline() -> None:
    assert json_text({"b": 1, "a": []}) == '{\n  "a": [],\n  "b": 1\n}\n'


def test_a_command_line_has_one_flag_a_line_in_order() -> None:
    assert command_line("/bin/x", {"b": "2", "a": ""}) == "/bin/x \\\n  --a= \\\n  --b=2"


def test_a_digest_is_of_the_texts_as_one() -> None:
    assert digest("a", "b") == digest("ab") == "fb8e20fc2e4c"
    assert digest("a") != digest("b")
