"""A login on a host that is not root, and a package manager that is busy, both gone without a trace afterwards."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.e2e.hosts import Host

USER = "kubeops"
_MAKE = rf"""
set -e
cd /
tar -cf /run/kubenode-e2e.tar $(ls -d etc/passwd* etc/group* etc/shadow* etc/gshadow* etc/subuid* etc/subgid*)
useradd --create-home --shell /bin/sh {USER}
install -d -m 0700 -o {USER} -g {USER} /home/{USER}/.ssh
install -m 0600 -o {USER} -g {USER} /root/.ssh/authorized_keys /home/{USER}/.ssh/authorized_keys
"""
_MAY_BECOME_ROOT = f"""
echo '{USER} ALL=(root) NOPASSWD: ALL' >/etc/sudoers.d/kubenode-e2e
chmod 0440 /etc/sudoers.d/kubenode-e2e
"""
_BY_PASSWORD = f"""
cat >/etc/ssh/sshd_config.d/0-kubenode-e2e.conf <<'END'
Match User {USER}
    PasswordAuthentication yes
END
systemctl reload ssh
chpasswd <<'END'
{USER}:%s
END
"""
_GO = f"""
rm -f /etc/sudoers.d/kubenode-e2e
[ ! -e /etc/ssh/sshd_config.d/0-kubenode-e2e.conf ] || {{
    rm -f /etc/ssh/sshd_config.d/0-kubenode-e2e.conf
    systemctl reload ssh
}}
loginctl terminate-user {USER} 2>/dev/null || :
for _ in $(seq 50); do pgrep -u {USER} >/dev/null || break; sleep 0.1; done
userdel --force --remove {USER} 2>/dev/null
rm -f /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow- /etc/subuid- /etc/subgid-
tar -C / -xpf /run/kubenode-e2e.tar && rm /run/kubenode-e2e.tar
"""
# As dpkg locks: by fcntl, which no program of a bare host but perl can do. Let go 2 s after an installation has met it.
_LOCK = r"""
exec perl -MFcntl -e '
    $| = 1;
    open(F, ">>", "/var/lib/dpkg/lock-frontend") or die;
    my $whole = pack("s s x4 q q i x4", F_WRLCK, 0, 0, 0, 0);
    fcntl(F, F_SETLK, $whole) or die;
    print "held\n";
    for (1 .. 1200) {
        if (`pgrep -f "^apt-get .* install"`) { sleep 2; print "met\n"; exit }
        select(undef, undef, undef, 0.1);
    }'
"""


@contextmanager
def operator(host: Host, *, may_become_root: bool, password: str = "") -> Iterator[None]:
    """The user on a host, who logs in with the key of the stack or, if there is one, with a password too."""
    host.run(_MAKE)
    try:
        if may_become_root:
            host.run(_MAY_BECOME_ROOT)
        if password:
            host.run(_BY_PASSWORD % password)
        yield
    finally:
        host.run(_GO)


@contextmanager
def package_lock(host: Host) -> Iterator[list[str]]:
    """Somebody else's package manager at work. The list says afterwards whether an installation met it."""
    said: list[str] = []
    holder = subprocess.Popen(
        ["docker", "exec", "-i", host.container, "bash", "-c", _LOCK],
        env=host.env,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    try:
        yield said
    finally:
        holder.terminate()
        said += holder.communicate(timeout=30)[0].split()
