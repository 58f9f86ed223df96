"""Everything that has a golden file, and where it differs from that now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from components.identity import kubeconfigs
from components.identity.kubeconfigs import KeyPair
from components.versions import MINORS
from tests.components import seed, seed_changes, test_golden


def _texts(directory: Path) -> Iterator[tuple[Path, Mapping[str, str]]]:
    for version in test_golden.VERSIONS:
        yield test_golden.GOLDEN / version, test_golden.rendered(directory, version)
    yield test_golden.GOLDEN / "docker-sources", test_golden.rendered_sources(directory)
    yield (
        test_golden.GOLDEN / "minors",
        {row.name: test_golden.minor(directory, number) for number, row in MINORS.items()},
    )
    yield test_golden.GOLDEN / "identities", identities(directory)
    yield test_golden.GOLDEN / "profile", profile(directory)


def identities(directory: Path) -> dict[str, str]:
    """Every kubeconfig and certificate file, of made-up keys."""
    server, pair = "https://10.0.0.1:6443", KeyPair("certificate\n", "key\n")
    files = (
        kubeconfigs.certificate_authority("authority\n"),
        kubeconfigs.bootstrap(server, "0123456789abcdef"),
        kubeconfigs.kubelet(server, "worker-1", pair),
        *kubeconfigs.serving(pair),
        kubeconfigs.kube_proxy(server, pair.certificate, pair.key),
        kubeconfigs.kube_proxy_with_token(server, "token"),
    )
    del directory
    return {
        f"{number}-{file.name}": f"{file.mode} {file.owner} {file.path}\n{file.content}"
        for number, file in enumerate(files)
    }


def profile(directory: Path) -> dict[str, str]:
    """The profile's files in both ways of kube-proxy, and the choices that are in no file."""
    found: dict[str, str] = {}
    for way in ("flags", "file"):
        node = seed.node(directory, configured_by=way)
        found |= {f"{way}-{name}": text for name, text in seed.rendered(node).items()}
        identity = node.identity
        found[f"{way}-identity"] = f"{identity.client} {identity.approval} {identity.key_algorithm}\n" + (
            f"{identity.static.user} {identity.static.binding}\n" if identity.static else ""
        )
    found["to-modern.md"] = seed_changes.page(directory)
    return found


def different(directory: Path) -> list[str]:
    """The golden files that do not say what is rendered now."""
    return [
        str(folder / name)
        for folder, texts in _texts(directory)
        for name, text in texts.items()
        if not (folder / name).is_file() or (folder / name).read_text(encoding="utf-8") != text
    ]
