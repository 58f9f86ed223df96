"""The token of client static: from its file or from the configuration itself.

Does not own who may do what with it.
"""

from __future__ import annotations

from pydantic import SecretStr, TypeAdapter, ValidationError

from components.settings import types
from components.settings.file_or_text import file_or_text
from components.settings.identity_sections import IdentitySection, StaticTokenSection
from components.settings.report import Report

_WHERE = "identity.static"
_TOKEN: TypeAdapter[SecretStr] = TypeAdapter(types.StaticToken)


def with_static_token(report: Report, identity: IdentitySection) -> IdentitySection:
    """The section with the token read from its file, where it has one and that is there; every problem at once."""
    static = identity.static
    if (identity.client == "static") != (static is not None):
        if static is not None and not report.is_wrong("identity.client"):
            report.refuse(_WHERE, "is for client static: set identity.client to static, or leave it out")
        elif static is None and not report.is_wrong(_WHERE):
            example = "{tokenFile: secrets/bootstrap-token}"
            report.refuse(_WHERE, f"required with client static, for example {example}")
        return identity
    token = _token(report, static) if static is not None else None
    if static is None or token is None:
        return identity
    return identity.model_copy(update={"static": static.model_copy(update={"token": token})})


def _token(report: Report, static: StaticTokenSection) -> SecretStr | None:
    secret = static.token.get_secret_value() if static.token else None
    text = file_or_text(
        report, _WHERE, "token", static.token_file, secret, "secrets/bootstrap-token", is_secret=True
    )
    if secret is not None:
        place = ("identity", "static", "token")
        report.refuse_plain(place, place)
    if text is None:
        return None
    where = f"{_WHERE}.token{'File' if static.token_file else ''}"
    try:
        token = _TOKEN.validate_python(text.strip())
    except ValidationError:
        report.refuse(where, "expected a file with the token alone, on one line")
        return None
    if token.get_secret_value() in report.administrators:
        report.refuse(
            where,
            "is an administrator's, of the kubeconfig, and would stand on every host: give the token of a user that "
            "may ask for certificates and nothing else",
        )
    return token
