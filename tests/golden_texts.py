"""Everything that has a golden file, and where it differs from that now."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from components.identity import kubeconfigs
from components.identity.kubeconfigs import KeyPair
from components.versions import MINORS, page
from tests import golden_bundles, golden_objects
from tests.components import seed, seed_changes, test_golden

PAGES = Path(__file__).parents[1] / "docs"


def _texts(directory: Path) -> Iterator[tuple[Path, Callable[[], Mapping[str, str]]]]:
    for version in test_golden.VERSIONS:
        yield test_golden.GOLDEN / version, partial(test_golden.rendered, directory, version)
    yield test_golden.GOLDEN / "docker-sources", partial(test_golden.rendered_sources, directory)
    yield (
        test_golden.GOLDEN / "minors",
        lambda: {row.name: test_golden.minor(directory, number) for number, row in MINORS.items()},
    )
    yield test_golden.GOLDEN / "identities", partial(identities, directory)
    yield test_golden.GOLDEN / "profile", partial(profile, directory)
    yield test_golden.GOLDEN / "bundles", partial(golden_bundles.bundles, directory)
    yield test_golden.GOLDEN / "calico-objects", partial(golden_objects.objects, directory)
    yield PAGES, lambda: {"versions.md": page.page()}


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


def different(directory: Path, only: str = "") -> Iterator[str]:
    """The golden files that do not say what is rendered now; nothing is rendered before it is asked for.

    `only`: those of one folder.
    """
    for folder, render in _texts(directory):
        for name, text in render().items() if only in ("", folder.name) else ():
            file = folder / name
            if not file.is_file() or file.read_text(encoding="utf-8") != text:
                yield str(file)
