"""Forms of YAML as the real engine hands them to a program: tests/plugins/test_stack_file.py shows that it does."""

from __future__ import annotations

# what stands in a stack file: what arrives
FORMS: dict[str, object] = {
    # text, whatever YAML 1.1 says
    **{
        word: word
        for word in ("on", "On", "OFF", "yes", "Yes", "no", "NO", "y", "N", "tRue", "nan", "inf", "=")
    },
    **{
        word: word
        for word in ("1:30", "190:20:30", "1.2.3", "_1", "0x", "0o8", "0b2", "1e", "+", "1e400", "<<")
    },
    "0x1FFFFFFFFFFFFFFFF": "0x1FFFFFFFFFFFFFFFF",
    "2024-05-01_10:00:00": "2024-05-01_10:00:00",
    "'true'": "true",
    '"12"': "12",
    '""': "",
    '"\\x41\\u00e9\\U0001F600"': "Aé😀",
    "!!str 12": "12",
    "!!binary aGVsbG8=": "hello",
    # truth values and nothing
    **dict.fromkeys(("true", "True", "TRUE", '!!bool "true"'), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("null", "Null", "NULL", "~"), None),
    # numbers
    **dict.fromkeys(
        ("15", "+15", "017", "0o17", "0O17", "0xF", "0b1111", "15.0", "1_5", "1.5e1", "!!int '15'"), 15
    ),
    **dict.fromkeys(("-15", "-017", "-0o17", "-0xf", "-0b1111"), -15),
    **dict.fromkeys(("08", "8.", "!!float 8"), 8),
    "1_000": 1000,
    "0": 0,
    "-0.0": 0,
    ".5": 0.5,
    "1e-7": 1e-7,
    "1e22": 1e22,
    "9007199254740993": 9007199254740993,
    "12345678901234567890": 12345678901234567000,
    # maps and lists
    "{1: a, true: b, on: c}": {"1": "a", "true": "b", "on": "c"},
    "{a, b: [c: 1]}": {"a": None, "b": [{"c": 1}]},
    "{x: &a {k: 1}, y: *a}": {"x": {"k": 1}, "y": {"k": 1}},
    "{<<: {a: 1, b: 1}, a: 2}": {"a": 2, "b": 1},
    '{"<<": {a: 1}, b: 2}': {"a": 1, "b": 2},
    "{<<: [{a: 1}, {a: 2, b: 3}]}": {"a": 1, "b": 3},
    "{<<: {<<: {a: 1, b: 1}, a: 2}}": {"a": 2, "b": 1},
}

# what the engine refuses, too: the reason
REFUSED: dict[str, str] = {
    "{a: 1, a: 2}": "the key a stands there twice",
    '{a: 1, "a": 2}': "the key a stands there twice",
    "{<<: {a: 1}, <<: {b: 1}}": "a key stands there twice",
    "{[1]: a}": "a key is a list or a map",
    "{<<: 1}": "expected a map, or a list of maps, after <<",
    "&x {a: *x}": "an anchor contains itself",
    ".inf": "a number that is not finite",
    "!!int 1.5": "a tag that does not fit its value",
    "!!bool yes": "a tag that does not fit its value",
    "a: b: c": "a colon where no key can be; text with a colon and a space belongs in quotes",
    "[1": "a list in [ ] that is not closed, or lacks a comma",
    '"a\\/b"': "a backslash in double quotes that is no escape: take single quotes",
    '"\\uD800"': "half a character",
}

# what it takes, and makes something else of than it looks: the reason
DOUBTFUL: dict[str, str] = {
    "2024-05-01": "a date, of which Pulumi makes other text: write it in quotes",
    "2001-12-14t21:59:43.10-05:00": "a date, of which Pulumi makes other text: write it in quotes",
    "2001-12-14 21:59:43": "a date, of which Pulumi makes other text: write it in quotes",
    "{~: a}": "a key of which Pulumi makes other text: write it in quotes",
    "{1.10: a}": "a key of which Pulumi makes other text: write it in quotes",
    "{017: a}": "a key of which Pulumi makes other text: write it in quotes",
    "{True: a}": "a key of which Pulumi makes other text: write it in quotes",
    "{2024-05-01: a}": "a key of which Pulumi makes other text: write it in quotes",
    "!x 12": "a tag, which Pulumi does not heed: leave it out",
    "!!set {a, b}": "a tag, which Pulumi does not heed: leave it out",
}
