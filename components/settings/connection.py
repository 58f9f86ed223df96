"""How a host is reached: the section ssh of a node, with its private keys read."""

from __future__ import annotations

from pydantic import SecretStr

from components.settings import sources
from components.settings.draft import NodeDraft
from components.settings.host_sections import BastionSection, SshSection
from components.settings.problems import Problem
from components.settings.report import Report
from components.settings.resolved import BastionSettings, ConnectionSettings


def _private_key(
    report: Report, draft: NodeDraft, section: SshSection | BastionSection, *where: str
) -> SecretStr | None:
    if section.private_key_file is None:
        return section.private_key
    at = draft.at(*where, "privateKeyFile")
    try:
        return SecretStr(sources.private_key_of(report.project_dir, section.private_key_file))
    except sources.SourceMissingError as error:
        report.missing.append(Problem(at, str(error)))
    except sources.SourceError as error:
        report.refuse(at, str(error))
    return None


def _bastion(report: Report, draft: NodeDraft, bastion: BastionSection) -> BastionSettings:
    return BastionSettings(
        address=bastion.address,
        user=bastion.user,
        port=bastion.port,
        private_key=_private_key(report, draft, bastion, "ssh", "bastion"),
        private_key_file=bastion.private_key_file,
        password=bastion.password,
        host_key=_host_key(bastion.host_key),
    )


def connection_of(report: Report, draft: NodeDraft, ssh: SshSection) -> ConnectionSettings:
    """How the node's host is reached, with the keys that its files hold."""
    return ConnectionSettings(
        user=ssh.user,
        port=ssh.port,
        private_key=_private_key(report, draft, ssh, "ssh"),
        private_key_file=ssh.private_key_file,
        agent=ssh.agent,
        password=ssh.password,
        host_key=_host_key(ssh.host_key),
        insecure_ignore_host_key=ssh.insecure_ignore_host_key,
        dial_error_limit=ssh.dial_error_limit,
        per_dial_timeout_seconds=ssh.per_dial_timeout_seconds,
        bastion=_bastion(report, draft, ssh.bastion) if ssh.bastion else None,
    )


def _host_key(text: str | None) -> str | None:
    """Without the comment, which is no part of the key."""
    return " ".join(text.split()[:2]) if text else None
