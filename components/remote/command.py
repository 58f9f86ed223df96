"""Commands on hosts and on the operator's machine; the only importer of pulumi_command.

Owns the rules that every command keeps (docs/architecture.md, "Commands"): create, update and delete are short lines
that never change; everything that varies is standard input; every connection field is spelled out; nothing replaces.
Does not own what is on standard input: bundles for hosts (`bundle.py`), arguments for the operator's machine
(`components/local/arguments.py`).
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_command as command
from pydantic import SecretStr

from components.local.arguments import HEADER
from components.remote import sudo
from components.settings import ConnectionSettings

_TOOLKIT = "/usr/local/lib/kubenode"

# Claiming needs nothing on the host: how the toolkit is unpacked stands in the bundle, since a failed command's message
# begins with its line. "$0" is sudo for a user who is not root, "$1" is claimed for an update.
_CLAIM = """sh -c 'b=$(cat); eval "$(printf "%s\\n" "$b" | sed -n "s/^start | //p")"; exit 1'"""
_UNDO = (
    f"if [ -x {_TOOLKIT}/{{part}} ]; then {_TOOLKIT}/{{part}} remove; elif [ -e /var/lib/kubenode/claim ]; then "
    f'echo "kubenode: this host is claimed, but {_TOOLKIT}/{{part}} is gone, so nothing can be undone. '
    '{bring_back}, then try again." >&2; exit 1; fi'
)
# The state has the claim's command until the release runs, so that only a replacement runs it again.
_REPLACE_CLAIM = (
    "Bring it back: with the node in the configuration, pulumi up --replace and the URN of the claim of this "
    "node, which pulumi stack --show-urns lists"
)
_RELEASE = _UNDO.format(part="claim", bring_back="Run pulumi up, which brings it back")
# A new way to a host is tried before it takes the old one's place in the state, where a destroy finds nothing else. It
# must lead to no other node's host, too. The standard input is the bundle's header.
_TRY = """c=/var/lib/kubenode/claim; w=$(sed -n "s/^claim | /stack /p; s/^node | /node /p" | sort); \
[ ! -e $c ] || [ "$w" = "$(sed -n "/^stack /p; /^node /p" $c | sort)" ] || \
{ echo "kubenode: this host is claimed by" $(sed -n "s/^node /as node /p; /^stack /p" $c)". Nothing was written. \
Correct the node's address; or, to put it on this host, destroy it there first." >&2; exit 1; }"""

# As a user who may not be able to become root any more, or not yet.
_TRY_AS_USER = (
    f"""{sudo.MAY} && exec sudo -n sh -c "$0"; echo "kubenode: release: {sudo.MAY_NOT}" >&2; exit 1"""
)


@dataclass(frozen=True)
class Host:
    """How one host is reached, and whose it is to be. `claim` names the stack: organization/project/stack."""

    node: str
    address: str
    claim: str
    connection: ConnectionSettings
    reapply: str = ""
    """A word in every part's bundle; a new one has all parts applied once more."""

    @property
    def prefix(self) -> str:
        """What makes a command run as root."""
        return "" if self.connection.user == "root" else "sudo -n "


def host_command(
    name: str,
    host: Host,
    part: str,
    bundle: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> command.remote.Command:
    """One part of one node."""
    create, update, delete = command_lines(host, part)
    opts.ignore_changes = [*(opts.ignore_changes or []), *_unknown(host.connection)]
    return command.remote.Command(
        name,
        connection=_connection(host),
        create=create,
        update=update,
        delete=delete,
        stdin=bundle,
        logging=command.remote.Logging.STDOUT_AND_STDERR,
        add_previous_output_in_env=False,
        opts=_with_secret_outputs(opts),
    )


def command_lines(host: Host, part: str) -> tuple[str | None, str | None, str | None]:
    """What creates, updates and deletes a part. None: nothing is done, and no connection made.

    Claiming and releasing are two commands: the release stands in the state before the claim is tried, so that a
    destroy gives back a host even if the engine was killed while it claimed it. The claim's update demands the claim
    that was made. The release's update tries a connection that changed, and asks for nothing else.
    """
    if part == "claim":
        create = f"{_CLAIM} {'sudo' if host.prefix else 'root'}"
        return create, f"{create} claimed", None
    if part == "release":
        tried = f"{shlex.quote(_TRY_AS_USER)} {shlex.quote(_TRY)}" if host.prefix else shlex.quote(_TRY)
        return None, f"sh -c {tried}", f"{host.prefix}sh -c {shlex.quote(_RELEASE)}"
    script = f"{_TOOLKIT}/{part}"
    apply = f"{host.prefix}{script} apply"
    if part == "verify":
        return apply, apply, None
    undo = _UNDO.format(part=part, bring_back=_REPLACE_CLAIM)
    return apply, apply, f"{host.prefix}sh -c {shlex.quote(undo)}"


def _connection(host: Host) -> command.remote.ConnectionArgs:
    ssh = host.connection
    return command.remote.ConnectionArgs(
        host=host.address,
        port=float(ssh.port),
        user=ssh.user,
        private_key=_secret(ssh.private_key),
        password=_secret(ssh.password),
        host_key=ssh.host_key,
        dial_error_limit=ssh.dial_error_limit,
        per_dial_timeout=ssh.per_dial_timeout_seconds,
        proxy=_bastion(ssh),
    )


def _unknown(ssh: ConnectionSettings) -> list[str]:
    """Keys whose file is not there, which only a preview may do without: that says nothing about a change."""
    places = {"connection.privateKey": ssh, "connection.proxy.privateKey": ssh.bastion}
    return [
        place
        for place, login in places.items()
        if login is not None and login.private_key_file is not None and login.private_key is None
    ]


def _bastion(ssh: ConnectionSettings) -> command.remote.ProxyConnectionArgs | None:
    """The host in between. Both logins are made from here, so it sees neither key nor agent of the second."""
    bastion = ssh.bastion
    if bastion is None:
        return None
    return command.remote.ProxyConnectionArgs(
        host=bastion.address,
        port=float(bastion.port),
        user=bastion.user,
        private_key=_secret(bastion.private_key),
        password=_secret(bastion.password),
        host_key=bastion.host_key,
        dial_error_limit=ssh.dial_error_limit,
        per_dial_timeout=ssh.per_dial_timeout_seconds,
    )


def _secret(value: SecretStr | None) -> pulumi.Output[str] | None:
    return pulumi.Output.secret(value.get_secret_value()) if value else None


@dataclass(frozen=True)
class Kubeconfig:
    """The cluster's administrator on the operator's machine: a path that is kept as given, or secret contents."""

    path: str | None = None
    contents: pulumi.Output[str] | None = None
    plain_contents: str | None = None
    context: str | None = None


def operator_command(
    name: str,
    program: str,
    kubeconfig: Kubeconfig,
    arguments: Mapping[str, Any],
    opts: pulumi.ResourceOptions,
    *,
    result_is_public: bool = False,
    remember_result: bool = False,
) -> command.local.Command:
    """One of the programs in `components/local`, run where pulumi runs. `arguments` may hold Outputs.

    `result_is_public`: standard output is an input of something that a preview is to show. `remember_result`: the
    program gets its previous standard output back, and may keep it.
    """
    arguments = dict(arguments)
    if kubeconfig.contents is not None:
        arguments["kubeconfig"] = kubeconfig.contents
    else:
        arguments["kubeconfigFile"] = kubeconfig.path
    if kubeconfig.context is not None:
        arguments["context"] = kubeconfig.context
    line = f"components/local/run {program}"
    return command.local.Command(
        name,
        create=f"{line} apply",
        update=f"{line} apply",
        delete=f"{line} remove",
        stdin=pulumi.Output.concat(
            f"{HEADER}\n", pulumi.Output.json_dumps(arguments, indent=1, sort_keys=True)
        ),
        logging=command.local.Logging.STDERR,
        add_previous_output_in_env=remember_result,
        opts=opts if result_is_public else _with_secret_outputs(opts),
    )


def run_on_operator(program: str, kubeconfig: Kubeconfig, arguments: Mapping[str, Any]) -> str:
    """The standard output of a program that only reads, now, in a preview too."""
    arguments = dict(arguments)
    if kubeconfig.plain_contents is not None:
        arguments["kubeconfig"] = kubeconfig.plain_contents
    else:
        arguments["kubeconfigFile"] = kubeconfig.path
    if kubeconfig.context is not None:
        arguments["context"] = kubeconfig.context
    result = command.local.run(
        command=f"components/local/run {program} apply",
        stdin=json.dumps(arguments),
        logging=command.local.Logging.NONE,
        add_previous_output_in_env=False,
    )
    return result.stdout


def _with_secret_outputs(opts: pulumi.ResourceOptions) -> pulumi.ResourceOptions:
    secret: Sequence[str] = [*(opts.additional_secret_outputs or []), "stdout", "stderr"]
    opts.additional_secret_outputs = list(secret)
    return opts
