"""Docker's own repository with the real apt: in a folder, signed, with packages that hold next to nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.docker import files
from components.remote.bundle import Artifact
from tests.shell import box as boxes
from tests.shell import bundles
from tests.shell.box import RECORD, Box

# The package manager's own books and logs, and the repository itself.
_PASSING = (
    "/var/log",
    "/var/lib/dpkg",
    "/var/lib/apt/extended_states",
    "/var/cache",
    "/repo",
    "/build",
    "/gnupg",
)
_NEEDED = ("apt-get", "dpkg", "dpkg-deb", "dpkg-scanpackages", "gpg")
PACKAGES = ("docker-ce", "docker-ce-cli", "containerd.io")

# A host whose packages know nothing of Docker and that has no package source at all.
_BARE = r"""
awk 'BEGIN { RS = ""; ORS = "\n\n" } !/^Package: (docker.*|containerd.*|runc)\n/' /var/lib/dpkg/status >/tmp/status
cp /tmp/status /var/lib/dpkg/status
rm -rf /etc/apt/sources.list /etc/apt/sources.list.d /etc/apt/keyrings /opt/containerd
rm -f /etc/init.d/docker /etc/rc?.d/*docker
mkdir /etc/apt/sources.list.d
sed -i /^docker:/d /etc/group /etc/gshadow
printf 'ID=debian\nVERSION_CODENAME=bookworm\n' >/etc/os-release
"""

# pack NAME VERSION FIELD: a package from /build/NAME. sign: the repository as it is now.
_REPOSITORY = r"""
set -eu
binary=/repo/dists/bookworm/stable/binary-amd64
mkdir -p $binary /repo/pool
pack() {
    mkdir -p /build/$1/DEBIAN
    {
        printf 'Package: %s\nVersion: %s\n%s\n' "$1" "$2" "$3"
        printf 'Architecture: all\nMaintainer: nobody <nobody@example.org>\nDescription: none\n'
    } >/build/$1/DEBIAN/control
    dpkg-deb --build /build/$1 "/repo/pool/$1_$2.deb" >/dev/null
}
sign() {
    cd /repo
    dpkg-scanpackages -m pool 2>/dev/null >$binary/Packages
    sum=$(sha256sum <$binary/Packages | cut -d' ' -f1)
    printf 'Suite: bookworm\nCodename: bookworm\nComponents: stable\nArchitectures: amd64 arm64\nDate: %s\nSHA256:\n' \
        "$(date -u -R)" >dists/bookworm/Release
    printf ' %s %s stable/binary-amd64/Packages\n' "$sum" "$(stat -c %s $binary/Packages)" >>dists/bookworm/Release
    rm -f dists/bookworm/InRelease
    gpg --batch --quiet --clearsign -o dists/bookworm/InRelease dists/bookworm/Release
    gpg --batch --armor --export >/repo/gpg
}
export GNUPGHOME=/gnupg
mkdir -p -m 700 $GNUPGHOME
"""
_FIRST = (
    _REPOSITORY
    + r"""
gpg --batch --quiet --passphrase '' --quick-gen-key 'nobody <nobody@example.org>' rsa2048 sign never
mkdir -p /build/docker-ce/lib/systemd/system /build/docker-ce/DEBIAN
printf '[Service]\nExecStart=/usr/bin/dockerd\n' >/build/docker-ce/lib/systemd/system/docker.service
printf '#!/bin/sh\ngroupadd --system -f docker\nsystemctl enable docker.service\nsystemctl start docker.service\n' \
    >/build/docker-ce/DEBIAN/postinst
printf '#!/bin/sh\nsystemctl stop docker.service\nsystemctl disable docker.service\n' >/build/docker-ce/DEBIAN/prerm
chmod 755 /build/docker-ce/DEBIAN/postinst /build/docker-ce/DEBIAN/prerm
pack docker-ce 5:27.5.1-1 'Depends: containerd.io'
pack docker-ce-cli 5:27.5.1-1 'Section: admin'
pack containerd.io 1.7.25-1 'Conflicts: containerd, runc'
sign
"""
)


@pytest.fixture
def debian(tmp_path: Path) -> Iterator[Box]:
    """A host with the real apt, whose only way to a Docker is that repository."""
    missing = [name for name in _NEEDED if shutil.which(name) is None]
    if reason := boxes.why_not() or (f"needs {', '.join(missing)}" if missing else ""):
        pytest.skip(reason)
    with boxes.opened(tmp_path) as box:
        box.standins("systemd", "node")
        box.install()
        bundles.has_docker_packages(box)
        for script in (_BARE, _FIRST):
            done = box.shell(script)
            assert done.returncode == 0, done.stderr
        yield box


def _bundle(host: Box, *packages: str) -> str:
    artifact = Artifact(
        "docker-key", files.REPOSITORY_KEY, *bundles.mirrored(host, host.text("/repo/gpg")), mode="0644"
    )
    bundle = bundles.docker(
        host, package="", artifacts=[artifact], source=["docker"], repository=["stable file:/repo"]
    )
    lines = "".join(f"set | package {name}\n" for name in packages or PACKAGES)
    return bundle.replace("set | repository", f"{lines}set | repository")


def _apply(host: Box, bundle: str) -> str:
    done = host.run("docker", "apply", bundle)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _packages(host: Box) -> str:
    return host.shell(
        "dpkg-query -W -f '${Package} ${Version} ${db:Status-Abbrev}\\n'; apt-mark showhold"
    ).stdout


def test_a_whole_life_with_the_real_apt(debian: Box) -> None:
    before, state = _packages(debian), debian.state(*_PASSING)
    assert f"installed {' '.join(PACKAGES)} in " in _apply(debian, _bundle(debian))
    assert "docker-ce 5:27.5.1-1 hi" in _packages(debian)
    assert "docker.service" in debian.running()
    # The host's own apt knows nothing of it.
    assert list(debian.path("/etc/apt/sources.list.d").iterdir()) == []
    assert "/repo" not in debian.shell("apt-cache policy docker-ce").stdout
    debian.shell(f"{_REPOSITORY}\npack docker-ce 5:28.0.0-1 'Depends: containerd.io'\nsign")
    said = _apply(debian, _bundle(debian, "docker-ce=5:28.0.0-1", *PACKAGES[1:]))
    assert "docker-ce was 5:27.5.1-1" in said
    assert "docker-ce 5:28.0.0-1 hi" in _packages(debian)
    assert (
        _apply(debian, _bundle(debian, "docker-ce=5:28.0.0-1", *PACKAGES[1:]))
        == "docker: nothing to change\n"
    )
    done = debian.run("docker", "remove", _bundle(debian))
    assert done.returncode == 0, done.stderr
    assert _packages(debian) == before
    assert debian.state(*_PASSING) == state


def test_docker_s_repository_stands_beside_a_mirror_of_packages(debian: Box) -> None:
    """The mirror's list is what prepare leaves; the host's own sources, which would fail here, are not asked."""
    debian.put("/etc/apt/sources.list.d/theirs.list", "deb http://192.0.2.1/debian bookworm main\n")
    debian.put("/etc/apt/sources.list", "deb http://192.0.2.1/debian bookworm main\n")
    debian.put(f"{RECORD}/apt/sources.list", "deb [trusted=yes] file:/mirrored ./\n")
    debian.put("/mirrored/Packages", "")
    said = _apply(debian, _bundle(debian))
    assert f"installed {' '.join(PACKAGES)} in " in said
    assert debian.text(f"{RECORD}/apt/sources.list").startswith("deb [trusted=yes]")
    done = debian.run("docker", "remove", _bundle(debian))
    assert done.returncode == 0, done.stderr


def test_another_key_than_the_one_that_signed_is_refused_by_apt(debian: Box) -> None:
    before = _packages(debian)
    bundle = _bundle(debian)
    key = "gpg --batch --quiet --passphrase '' --quick-gen-key another rsa2048 sign never"
    # The agent of the first keyring would go on listening where the new one's shall.
    again = f"gpgconf --kill gpg-agent; rm -rf /gnupg; mkdir -m 700 /gnupg; {key}"
    done = debian.shell(f"{_REPOSITORY}\n{again}\nsign")
    assert done.returncode == 0, done.stderr
    done = debian.run("docker", "apply", bundle)
    assert done.returncode == 1
    assert "NO_PUBKEY" in done.stderr or "is not signed" in done.stderr
    assert _packages(debian) == before


def test_a_containerd_of_somebody_else_is_not_pushed_out(debian: Box) -> None:
    install = "dpkg -i /repo/pool/containerd_1.6-1.deb\nrm /repo/pool/containerd_*"
    debian.shell(f"{_REPOSITORY}\npack containerd 1.6-1 'Section: admin'\n{install}")
    before = _packages(debian)
    assert "containerd 1.6-1" in before
    done = debian.run("docker", "apply", _bundle(debian))
    assert done.returncode == 1
    assert "remove is disabled" in done.stderr
    assert _packages(debian) == before
    assert debian.run("docker", "remove", _bundle(debian)).returncode == 0
    assert "containerd 1.6-1" in _packages(debian)
    assert not debian.path(f"{RECORD}/parts/docker").exists()
