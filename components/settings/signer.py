"""The certificate authority of issuer ca: its two parts, from files or from the configuration itself.

Does not own what an authority must be like (`authority.py`).
"""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import SecretStr

from components.settings import authority
from components.settings.file_or_text import file_or_text
from components.settings.identity_sections import IdentitySection
from components.settings.report import Report
from components.settings.resolved import AuthoritySettings


def authority_of(report: Report, identity: IdentitySection) -> AuthoritySettings | None:
    """The certificate authority of issuer ca; every problem of it at once."""
    if identity.issuer != "ca":
        if identity.ca is not None and not report.is_wrong("identity.issuer"):
            report.refuse("identity.ca", "is for issuer ca: set identity.issuer to ca, or leave it out")
        return None
    ca = identity.ca
    if ca is None:
        if not report.is_wrong("identity.ca"):
            example = "{certificateFile: secrets/ca.pem, privateKeyFile: secrets/ca-key.pem}"
            report.refuse("identity.ca", f"required with issuer ca, for example {example}")
        return None
    certificate = _part(report, "certificate", ca.certificate_file, ca.certificate)
    secret = ca.private_key.get_secret_value() if ca.private_key else None
    key = _part(report, "privateKey", ca.private_key_file, secret)
    if secret is not None:
        place = ("identity", "ca", "privateKey")
        report.refuse_plain(place, place)
    found = authority.examined(certificate, key, datetime.now(UTC))
    for part, message in found.problems:
        file = ca.certificate_file if part == "certificate" else ca.private_key_file
        report.refuse(f"identity.ca.{part}{'' if file is None else 'File'}", message)
    if found.certificate is None:
        return None
    return AuthoritySettings(found.certificate, SecretStr(found.key) if found.key else None)


def _part(report: Report, part: str, file: str | None, text: str | None) -> str | None:
    example = "secrets/ca.pem" if part == "certificate" else "secrets/ca-key.pem"
    return file_or_text(report, "identity.ca", part, file, text, example, is_secret=part == "privateKey")
