"""The two kinds of certificate of the tls provider: self-signed, and signed by an authority whose key is given.

Owns what is in a certificate, and when it is due to be made anew: once less than `earlyRenewalHours` of its life are
left. Does not own the life of a resource (`tlsresource.py`), nor how a certificate is written (`tlsforms.py`).
"""

import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from sandbox.plugins import tlsforms as forms
from sandbox.plugins.base import Call, Diff, PluginError
from sandbox.plugins.tlsforms import Key, PublicKey
from sandbox.plugins.tlsresource import TlsResource, told
from sandbox.plugins.values import Properties, has_unknown, plain

_KEY_USAGES: Final = {
    "digital_signature": "digital_signature",
    "content_commitment": "content_commitment",
    "key_encipherment": "key_encipherment",
    "data_encipherment": "data_encipherment",
    "key_agreement": "key_agreement",
    "cert_signing": "key_cert_sign",
    "crl_signing": "crl_sign",
    "encipher_only": "encipher_only",
    "decipher_only": "decipher_only",
}
_EXTENDED_KEY_USAGES: Final = {
    "any_extended": ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
    "server_auth": ExtendedKeyUsageOID.SERVER_AUTH,
    "client_auth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "code_signing": ExtendedKeyUsageOID.CODE_SIGNING,
    "email_protection": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "ipsec_end_system": x509.ObjectIdentifier("1.3.6.1.5.5.7.3.5"),
    "ipsec_tunnel": x509.ObjectIdentifier("1.3.6.1.5.5.7.3.6"),
    "ipsec_user": x509.ObjectIdentifier("1.3.6.1.5.5.7.3.7"),
    "timestamping": ExtendedKeyUsageOID.TIME_STAMPING,
    "ocsp_signing": ExtendedKeyUsageOID.OCSP_SIGNING,
    "microsoft_server_gated_crypto": x509.ObjectIdentifier("1.3.6.1.4.1.311.10.3.3"),
    "netscape_server_gated_crypto": x509.ObjectIdentifier("2.16.840.1.113730.4.1"),
    "microsoft_commercial_code_signing": x509.ObjectIdentifier("1.3.6.1.4.1.311.2.1.22"),
    "microsoft_kernel_code_signing": x509.ObjectIdentifier("1.3.6.1.4.1.311.61.1.1"),
}


# More do not fit into what Go counts nanoseconds with, and end in another century.
_MOST_HOURS: Final = 2_562_047
_NO_AUTHORITY: Final = (
    "[WARNING] Certificate provided as Authority does not appear to be a valid Certificate Authority. The resulting "
    "certificate might fail certificate validation.: Potentially Invalid Certificate Authority"
)


def now() -> datetime:
    """The clock, in one place so that a test can turn it."""
    return datetime.now(UTC)


class Certificate(TlsResource):
    """What the two kinds of certificate have in common: validity, renewal and extensions."""

    defaults: ClassVar[Properties] = {
        "earlyRenewalHours": 0,
        "isCaCertificate": False,
        "setSubjectKeyId": False,
    }
    in_place = ("earlyRenewalHours",)
    choices: ClassVar[dict[str, Iterable[str]]] = {"allowedUses": (*_KEY_USAGES, *_EXTENDED_KEY_USAGES)}
    least: ClassVar[dict[str, int]] = {"validityPeriodHours": 0, "earlyRenewalHours": 0, "maxPathLength": -1}
    most: ClassVar[dict[str, int]] = dict.fromkeys(("validityPeriodHours", "earlyRenewalHours"), _MOST_HOURS)

    async def diff(self, call: Call, old_inputs: Properties, olds: Properties, news: Properties) -> Diff:
        if olds.get("validityEndTime") is not None and has_unknown(news.get("earlyRenewalHours")):
            # So the official provider ends, which looks at the clock with a number in its hand.
            text = (
                "Value Conversion Error: Received unknown value, however the target type cannot handle unknown "
                "values. Path: early_renewal_hours. Give earlyRenewalHours as a number that a preview knows"
            )
            raise await told(call, text)
        diff = await super().diff(call, old_inputs, olds, news)
        if _due(olds, plain(self._complete(news))["earlyRenewalHours"]):
            diff.changes[("readyForRenewal",)] = "update"
            diff.replace.add(("readyForRenewal",))
        return diff

    async def read(
        self, call: Call, inputs: Properties, olds: Properties
    ) -> tuple[str, Properties, Properties] | None:
        return (
            call.id,
            inputs,
            {**olds, "readyForRenewal": _due(olds, plain(olds).get("earlyRenewalHours", 0))},
        )

    async def update(
        self, call: Call, old_inputs: Properties, olds: Properties, news: Properties
    ) -> Properties:
        updated = await super().update(call, old_inputs, olds, news)
        return {**updated, "readyForRenewal": _due_at_once(plain(updated))}

    def issue(
        self,
        inputs: Properties,
        public: PublicKey,
        subject: x509.Name,
        names: Sequence[x509.GeneralName],
        *,
        signer: Key,
        authority: x509.Certificate | None,
    ) -> tuple[str, Properties]:
        start, below_micro = now(), time.time_ns() % 1000
        end = start + timedelta(hours=inputs["validityPeriodHours"])
        issuer = authority.subject if authority else subject
        is_ca = bool(inputs["isCaCertificate"])
        if is_ca and not list(subject):
            raise PluginError(
                "Invalid Certificate Subject: Must contain at least one Distinguished Name when creating "
                "Certificate Authority (CA)"
            )
        builder = (
            x509.CertificateBuilder(issuer, subject, public, secrets.randbits(127) + 1)
            .not_valid_before(start.replace(microsecond=0))
            .not_valid_after(end.replace(microsecond=0))
        )
        uses = inputs["allowedUses"]
        if usages := [_KEY_USAGES[use] for use in uses if use in _KEY_USAGES]:
            flags = {flag: flag in usages for flag in _KEY_USAGES.values()}
            builder = builder.add_extension(x509.KeyUsage(**flags), critical=True)
        if extended := [_EXTENDED_KEY_USAGES[use] for use in uses if use in _EXTENDED_KEY_USAGES]:
            builder = builder.add_extension(x509.ExtendedKeyUsage(extended), critical=False)
        # As the official provider does: a path length of 0 is not written.
        path_length = inputs.get("maxPathLength") or -1
        if path_length > 0 and not is_ca:
            raise PluginError(
                "Failed to create certificate: x509: only CAs are allowed to specify MaxPathLen"
            )
        constraints = x509.BasicConstraints(is_ca, path_length if path_length > 0 else None)
        builder = builder.add_extension(constraints, critical=True)
        own_id = x509.SubjectKeyIdentifier(forms.key_id(public))
        has_own_id = is_ca or inputs["setSubjectKeyId"]
        if has_own_id:
            builder = builder.add_extension(own_id, critical=False)
        authority_id = forms.subject_key_id(authority) if authority and issuer != subject else None
        if inputs.get("setAuthorityKeyId"):  # only a self-signed certificate has this input
            if not has_own_id:
                raise PluginError(
                    "Invalid Certificate Authority: Could not determine Authority Key Identifier"
                )
            authority_id = own_id.digest
        if authority_id:
            builder = builder.add_extension(
                x509.AuthorityKeyIdentifier(authority_id, None, None), critical=False
            )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=not list(subject))
        if authority and signer.public_key() != authority.public_key():
            raise PluginError(
                "Failed to create certificate: x509: provided PrivateKey doesn't match parent's PublicKey"
            )
        made = builder.sign(signer, forms.hash_for(signer))
        return str(made.serial_number), {
            "certPem": made.public_bytes(Encoding.PEM).decode(),
            "readyForRenewal": _due_at_once(inputs),
            "validityStartTime": forms.rfc3339(start, below_micro),
            "validityEndTime": forms.rfc3339(end, below_micro),
        }


class SelfSignedCert(Certificate):
    required = ("privateKeyPem", "allowedUses", "validityPeriodHours")
    optional = ("subject", "dnsNames", "ipAddresses", "uris", "maxPathLength")
    defaults: ClassVar[Properties] = {**Certificate.defaults, "setAuthorityKeyId": False}
    secrets = ("privateKeyPem",)
    computed = ("keyAlgorithm", "certPem", "readyForRenewal", "validityStartTime", "validityEndTime")

    def make(self, inputs: Properties) -> tuple[str, Properties]:
        key, algorithm = forms.load_key(inputs["privateKeyPem"])
        subject, names = (
            forms.subject(inputs.get("subject")),
            forms.alternative_names(inputs, "Failed to create certificate"),
        )
        id_, made = self.issue(inputs, key.public_key(), subject, names, signer=key, authority=None)
        return id_, {"keyAlgorithm": algorithm, **made}


class LocallySignedCert(Certificate):
    required = ("caCertPem", "caPrivateKeyPem", "certRequestPem", "allowedUses", "validityPeriodHours")
    optional = ("maxPathLength",)
    secrets = ("caPrivateKeyPem",)
    computed = ("caKeyAlgorithm", "certPem", "readyForRenewal", "validityStartTime", "validityEndTime")

    def warnings(self, inputs: Properties) -> Iterator[str]:
        try:
            constraints = _authority(inputs).extensions.get_extension_for_class(x509.BasicConstraints).value
        except x509.ExtensionNotFound:
            constraints = None
        if constraints is None or not constraints.ca:
            yield _NO_AUTHORITY

    def make(self, inputs: Properties) -> tuple[str, Properties]:
        key, algorithm = forms.load_key(inputs["caPrivateKeyPem"])
        authority = _authority(inputs)
        request = x509.load_pem_x509_csr(
            forms.first_pem(inputs["certRequestPem"], "CERTIFICATE REQUEST", "certificate request")
        )
        subject = x509.Name(
            attribute
            for oid in forms.SUBJECT.values()
            for attribute in request.subject.get_attributes_for_oid(oid)
        )
        try:
            asked = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except x509.ExtensionNotFound:
            asked = x509.SubjectAlternativeName([])
        kinds = (x509.DNSName, x509.IPAddress, x509.UniformResourceIdentifier)
        names = [name for kind in kinds for name in asked if isinstance(name, kind)]
        public = request.public_key()
        if not isinstance(public, PublicKey):
            raise PluginError("the request's key is neither RSA, ECDSA nor Ed25519")
        id_, made = self.issue(inputs, public, subject, names, signer=key, authority=authority)
        return id_, {"caKeyAlgorithm": algorithm, **made}


def _authority(inputs: Properties) -> x509.Certificate:
    return x509.load_pem_x509_certificate(
        forms.first_pem(inputs["caCertPem"], "CERTIFICATE", "CA certificate")
    )


def _due(outputs: Properties, early_renewal_hours: Any) -> bool:
    end = plain(outputs.get("validityEndTime"))
    if not isinstance(end, str):
        return False
    return datetime.fromisoformat(end) - timedelta(hours=early_renewal_hours) <= now()


def _due_at_once(inputs: Properties) -> bool:
    """What `readyForRenewal` says without a look at the clock."""
    hours, early = inputs["validityPeriodHours"], inputs["earlyRenewalHours"]
    return bool(hours == 0 or early >= hours)
