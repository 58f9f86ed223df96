# ruff: noqa: ARG002 - every method has the whole signature of its interface
"""The tls provider: PrivateKey, CertRequest, SelfSignedCert and LocallySignedCert.

Owns what is in them, and when each is made anew, by the rules of the official provider 5.6.2, which wraps
hashicorp/tls: terraform-provider-tls, internal/provider. Does not own the forms in which they are written
(`tlsforms.py`). What a program can notice:
- any change replaces, but for `earlyRenewalHours`;
- a certificate is replaced, and a preview says so, once less than `earlyRenewalHours` of its life are left;
- a certificate is valid from the very second it is made, and takes only the subject and the SANs of its
  request; the times are written in the zone of this machine;
- deleting anything only forgets it.
Not here: the write-only inputs (`...Wo`), which are refused, the functions and the proxy configuration.
"""

import asyncio
import secrets
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from sandbox.plugins import VERSIONS
from sandbox.plugins import tlsforms as forms
from sandbox.plugins.base import Call, Diff, Failure, Plugin, PluginError, Resource, serve
from sandbox.plugins.tlsforms import Key, PublicKey
from sandbox.plugins.values import UNKNOWN, Properties, Unknown, plain, secret

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


def now() -> datetime:
    """The clock, in one place so that a test can turn it."""
    return datetime.now(UTC)


class TlsResource(Resource):
    """The common part: every input but those in `in_place` replaces; outputs are the inputs, their defaults
    and what `make` adds."""

    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    defaults: ClassVar[Properties] = {}
    secrets: tuple[str, ...] = ()
    computed: tuple[str, ...] = ()
    in_place: tuple[str, ...] = ()
    choices: ClassVar[dict[str, Iterable[str]]] = {}
    least: ClassVar[dict[str, int]] = {}

    def make(self, inputs: Properties) -> tuple[str, Properties]:
        """The id and the computed outputs, from plain and complete inputs."""
        raise NotImplementedError

    async def check(self, call: Call, olds: Properties, news: Properties) -> tuple[Properties, list[Failure]]:
        known = (*self.required, *self.optional, *self.defaults)
        failures = [
            Failure(key, f"Missing required property '{key}'")
            for key in self.required
            if news.get(key) is None
        ]
        for key, value in plain(news).items():
            if key.startswith("__"):
                continue
            if key not in known:
                failures.append(Failure(key, _why_not(call.token, key)))
            for item in value if isinstance(value, list) else [value]:
                choices = self.choices.get(key)
                if (
                    choices is not None
                    and item is not None
                    and not isinstance(item, Unknown)
                    and item not in choices
                ):
                    failures.append(
                        Failure(key, f"value must be one of: {', '.join(sorted(choices))}, got: {item}")
                    )
                if isinstance(item, int) and item < self.least.get(key, item):
                    failures.append(Failure(key, f"value must be at least {self.least[key]}, got: {item}"))
        return {k: secret(v) if k in self.secrets and v is not None else v for k, v in news.items()}, failures

    async def diff(self, call: Call, old_inputs: Properties, olds: Properties, news: Properties) -> Diff:
        diff = Diff.between(plain(self._complete(old_inputs)), plain(self._complete(news)))
        diff.replace = {path for path in diff.changes if path[0] not in self.in_place}
        return diff

    async def create(self, call: Call, inputs: Properties) -> tuple[str, Properties]:
        complete = self._complete(inputs)
        if call.preview:
            return "", {**dict.fromkeys(self.computed, UNKNOWN), **complete}
        try:
            id_, made = await asyncio.to_thread(self.make, plain(complete))
        except (ValueError, UnsupportedAlgorithm) as error:
            raise PluginError(f"{call.name}: {error}") from error
        return id_, {**complete, **{k: secret(v) if k in self.secrets else v for k, v in made.items()}}

    async def update(
        self, call: Call, old_inputs: Properties, olds: Properties, news: Properties
    ) -> Properties:
        return {**olds, **self._complete(news)}

    async def delete(self, call: Call, old_inputs: Properties, olds: Properties) -> None:
        """There is nothing but the state."""

    def _complete(self, inputs: Properties) -> Properties:
        given = {
            key: value for key, value in inputs.items() if value is not None and not key.startswith("__")
        }
        return {**self.defaults, **given}


def _why_not(token: str, key: str) -> str:
    text = f"the sandbox's tls plugin knows no input {key} of {token}"
    stem = key.removesuffix("Version").removesuffix("Wo")
    if f"{stem}Wo" not in key:
        return text
    return (
        f"{text}. The official one takes the key of {stem}Wo in place of {stem}, and after that another one only if "
        f"{stem}WoVersion changes. Give {stem}: it is encrypted in state"
    )


class PrivateKey(TlsResource):
    required = ("algorithm",)
    defaults: ClassVar[Properties] = {"ecdsaCurve": "P224", "rsaBits": 2048}
    secrets = ("privateKeyPem", "privateKeyOpenssh", "privateKeyPemPkcs8")
    computed = (
        *secrets,
        "publicKeyPem",
        "publicKeyOpenssh",
        "publicKeyFingerprintMd5",
        "publicKeyFingerprintSha256",
    )
    choices: ClassVar[dict[str, Iterable[str]]] = {
        "algorithm": ("RSA", "ECDSA", "ED25519"),
        "ecdsaCurve": forms.CURVES,
    }

    def make(self, inputs: Properties) -> tuple[str, Properties]:
        key: Key
        if inputs["algorithm"] == "RSA":
            key = rsa.generate_private_key(public_exponent=65537, key_size=int(inputs["rsaBits"]))
        elif inputs["algorithm"] == "ECDSA":
            key = ec.generate_private_key(forms.CURVES[inputs["ecdsaCurve"]]())
        else:
            key = ed25519.Ed25519PrivateKey.generate()
        # PKCS#1 for RSA, SEC 1 for ECDSA; Ed25519 has neither.
        own = PrivateFormat.PKCS8 if inputs["algorithm"] == "ED25519" else PrivateFormat.TraditionalOpenSSL
        public = key.public_key()
        der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        made = {
            "privateKeyPem": forms.private_pem(key, own),
            "privateKeyPemPkcs8": forms.private_pem(key, PrivateFormat.PKCS8),
            "publicKeyPem": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
        }
        return forms.sha1(der).hex(), {**made, **forms.openssh(key)}


class CertRequest(TlsResource):
    required = ("privateKeyPem",)
    optional = ("subject", "dnsNames", "ipAddresses", "uris")
    secrets = ("privateKeyPem",)
    computed = ("keyAlgorithm", "certRequestPem")

    def make(self, inputs: Properties) -> tuple[str, Properties]:
        key, algorithm = forms.load_key(inputs["privateKeyPem"])
        builder = x509.CertificateSigningRequestBuilder().subject_name(forms.subject(inputs.get("subject")))
        if names := forms.alternative_names(inputs):
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        request = builder.sign(key, forms.hash_for(key))
        pem = request.public_bytes(Encoding.PEM).decode()
        id_ = forms.sha1(request.public_bytes(Encoding.DER)).hex()
        return id_, {"keyAlgorithm": algorithm, "certRequestPem": pem}


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

    async def diff(self, call: Call, old_inputs: Properties, olds: Properties, news: Properties) -> Diff:
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
        subject, names = forms.subject(inputs.get("subject")), forms.alternative_names(inputs)
        id_, made = self.issue(inputs, key.public_key(), subject, names, signer=key, authority=None)
        return id_, {"keyAlgorithm": algorithm, **made}


class LocallySignedCert(Certificate):
    required = ("caCertPem", "caPrivateKeyPem", "certRequestPem", "allowedUses", "validityPeriodHours")
    optional = ("maxPathLength",)
    secrets = ("caPrivateKeyPem",)
    computed = ("caKeyAlgorithm", "certPem", "readyForRenewal", "validityStartTime", "validityEndTime")

    def make(self, inputs: Properties) -> tuple[str, Properties]:
        key, algorithm = forms.load_key(inputs["caPrivateKeyPem"])
        authority = x509.load_pem_x509_certificate(
            forms.first_pem(inputs["caCertPem"], "CERTIFICATE", "CA certificate")
        )
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


def _due(outputs: Properties, early_renewal_hours: Any) -> bool:
    end = plain(outputs.get("validityEndTime"))
    if not isinstance(end, str) or isinstance(early_renewal_hours, Unknown):
        return False
    return datetime.fromisoformat(end) - timedelta(hours=early_renewal_hours) <= now()


def _due_at_once(inputs: Properties) -> bool:
    """What `readyForRenewal` says without a look at the clock."""
    hours = inputs["validityPeriodHours"]
    return bool(hours == 0 or inputs["earlyRenewalHours"] >= hours)


class TlsPlugin(Plugin):
    def __init__(self) -> None:
        types = (PrivateKey, CertRequest, SelfSignedCert, LocallySignedCert)
        tokens = {
            f"tls:index/{each.__name__[0].lower()}{each.__name__[1:]}:{each.__name__}": each()
            for each in types
        }
        super().__init__("tls", VERSIONS["tls"], tokens)


if __name__ == "__main__":
    serve(TlsPlugin)
