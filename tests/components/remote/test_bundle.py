"""The bundle: readable, line by line, and nothing that a host could not read back."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.remote.bundle import FORMAT, Artifact, Bundle, BundleError, HostFile

SHA256 = "3f" * 32
_BUNDLE = Bundle("kubelet", "worker-1", "10.0.0.7", "organization/project/stack", "abcdef123456")
_FILE = HostFile("kubelet.yaml", "/etc/kubernetes/kubelet.yaml", "maxPods: 55\n")
_ARTIFACT = Artifact("kubelet", "/usr/local/bin/kubelet", "https://dl.k8s.io/kubelet", SHA256)


def _with(**more: object) -> Bundle:
    return dataclasses.replace(_BUNDLE, **more)  # type: ignore[arg-type]


def test_the_whole_text() -> None:
    bundle = _with(
        files=[
            dataclasses.replace(_FILE, content="maxPods: 55\n\n  nested: 1\n"),
            HostFile("x", "/etc/x", "x\n", "0600", "root:docker"),
        ],
        artifacts=[
            _ARTIFACT,
            Artifact("plugins", "/opt/cni/bin/", "http://m:8/p.tgz", SHA256, "0755", "./bridge"),
        ],
        settings={"zone": ["a", "b"], "mode": [""], "none": []},
        payload="A" * 2500,
    )
    lines = bundle.render().splitlines()
    start = [line for line in lines if line.startswith("start | ")]
    # What unpacks the payload stands right before it.
    assert lines[lines.index(start[-1]) + 1].startswith("payload | ")
    assert [line for line in lines if line not in start] == [
        "kubenode bundle 1",
        "part | kubelet",
        "node | worker-1",
        "host | 10.0.0.7",
        "claim | organization/project/stack",
        "script | abcdef123456",
        "file | kubelet.yaml 0644 root:root /etc/kubernetes/kubelet.yaml",
        "kubelet.yaml | maxPods: 55",
        "kubelet.yaml |",
        "kubelet.yaml |   nested: 1",
        "file | x 0600 root:docker /etc/x",
        "x | x",
        f"artifact | kubelet 0755 /usr/local/bin/kubelet {SHA256} https://dl.k8s.io/kubelet",
        f"artifact | plugins 0755 /opt/cni/bin/ {SHA256} http://m:8/p.tgz ./bridge",
        "set | mode",
        "set | zone a",
        "set | zone b",
        "payload | " + "A" * 1000,
        "payload | " + "A" * 1000,
        "payload | " + "A" * 500,
        "end",
    ]


def test_the_end_is_the_last_line_of_every_bundle() -> None:
    """The host knows by it that the connection was not lost on the way."""
    assert _BUNDLE.render().endswith("\nend\n")


def test_a_changed_line_of_a_file_is_one_changed_line_of_the_bundle() -> None:
    content = "".join(f"line: {n}\n" for n in range(30))
    one = _with(files=[dataclasses.replace(_FILE, content=content)]).render().splitlines()
    other = _with(
        files=[dataclasses.replace(_FILE, content=content.replace("line: 7\n", "line: x\n"))]
    ).render()
    assert [pair for pair in zip(one, other.splitlines(), strict=True) if pair[0] != pair[1]] == [
        ("kubelet.yaml | line: 7", "kubelet.yaml | line: x")
    ]


@given(st.permutations(["b", "a", "c"]))
def test_the_order_of_settings_does_not_matter(keys: list[str]) -> None:
    assert (
        _with(settings={key: ["1"] for key in keys}).render()
        == _with(settings={"a": ["1"], "b": ["1"], "c": ["1"]}).render()
    )


@pytest.mark.parametrize(
    "content",
    ["", "no newline", "a\r\n", "a\0b\n", "\n\n "],
    ids=["empty", "end", "return", "nul", "blank-end"],
)
def test_content_that_would_not_survive_is_refused(content: str) -> None:
    with pytest.raises(BundleError, match=r"kubelet\.yaml: the content"):
        _with(files=[dataclasses.replace(_FILE, content=content)]).render()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "two words"),
        ("name", ""),
        ("name", "-rf"),
        ("name", "a|b"),
        ("name", "a\nb"),
        ("path", "relative"),
        ("path", "/etc/with space"),
        ("path", "/etc/$(id)"),
        ("path", "/etc/new\nline"),
        ("path", "/"),
        ("mode", "644"),
        ("mode", "0999"),
        ("mode", "0644 "),
        ("mode", "04755"),
        ("owner", "root"),
        ("owner", "root:root extra"),
        ("owner", "0:0"),
    ],
)
def test_a_file_that_the_host_would_misread_is_refused(field: str, value: str) -> None:
    with pytest.raises(BundleError):
        _with(files=[dataclasses.replace(_FILE, **{field: value})]).render()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "set"),
        ("path", "usr/local/bin/x"),
        ("url", "ftp://mirror/x"),
        ("url", "--output=/etc/passwd"),
        ("url", "https://mirror/a b"),
        ("url", "https://mirror/'x'"),
        ("sha256", "3f"),
        ("sha256", SHA256.upper()),
        ("mode", "755"),
        ("member", "a b"),
        ("member", "a\nb"),
    ],
)
def test_an_artifact_that_the_host_would_misread_is_refused(field: str, value: str) -> None:
    with pytest.raises(BundleError):
        _with(artifacts=[dataclasses.replace(_ARTIFACT, **{field: value})]).render()


@pytest.mark.parametrize("field", ["part", "node", "host", "claim", "script"])
@pytest.mark.parametrize("value", ["", "two words", "line\nbreak", "tab\tbed", "return\r"])
def test_a_header_is_one_word(field: str, value: str) -> None:
    with pytest.raises(BundleError, match=field):
        _with(**{field: value}).render()


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\0b"])
def test_a_setting_is_one_line(value: str) -> None:
    with pytest.raises(BundleError, match="key: a setting is one line"):
        _with(settings={"key": [value]}).render()


@pytest.mark.parametrize(
    "name", ["part", "node", "host", "claim", "script", "file", "artifact", "set", "start", "payload", "end"]
)
def test_a_name_that_is_a_word_of_the_format_is_refused(name: str) -> None:
    with pytest.raises(BundleError, match="the name is taken"):
        _with(files=[dataclasses.replace(_FILE, name=name)]).render()


def test_a_name_stands_for_one_thing() -> None:
    with pytest.raises(BundleError, match=r"kubelet\.yaml: the name is taken"):
        _with(files=[_FILE, dataclasses.replace(_FILE, path="/etc/other")]).render()
    with pytest.raises(BundleError, match="kubelet: the name is taken"):
        _with(files=[dataclasses.replace(_FILE, name="kubelet")], artifacts=[_ARTIFACT]).render()


_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=200)


@given(st.lists(_TEXT, min_size=1, max_size=4))
def test_content_can_be_read_back_and_cannot_be_taken_for_anything_else(contents: list[str]) -> None:
    files = [HostFile(f"f{n}", f"/etc/f{n}", f"{content}\n") for n, content in enumerate(contents)]
    text = _with(files=files, settings={"key": ["value"]}).render()
    lines = text.split("\n")
    for file in files:
        prefix = f"{file.name} |"
        found = [line.removeprefix(prefix).removeprefix(" ") for line in lines if line.startswith(prefix)]
        assert "\n".join(found) + "\n" == file.content
    others = [line for line in lines if not line.startswith(tuple(f"{file.name} |" for file in files))]
    assert others[0] == FORMAT
    assert others[6:] == [
        *(f"file | {f.name} 0644 root:root {f.path}" for f in files),
        "set | key value",
        "end",
        "",
    ]
