"""The tls provider: PrivateKey, CertRequest, SelfSignedCert and LocallySignedCert.

Owns the life of each, and what is in keys and requests, by the rules of the official provider 5.6.2, which wraps
hashicorp/tls: terraform-provider-tls, internal/provider. Does not own certificates (`tlscerts.py`), the forms in which
all are written (`tlsforms.py`), nor the types of inputs (`tlsinputs.py`). What a program can notice:
- any change replaces, but for `earlyRenewalHours`;
- a certificate is replaced, and a preview says so, once less than `earlyRenewalHours` of its life are left;
- a certificate is valid from the very second it is made, and takes only the subject and the SANs of its
  request; the times are written in the zone of this machine;
- deleting anything only forgets it.
Not here: the write-only inputs (`...Wo`), which are refused, the functions and the proxy configuration.
"""

from collections.abc import Iterable
from typing import ClassVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, PublicFormat

from sandbox.plugins import VERSIONS
from sandbox.plugins import tlsforms as forms
from sandbox.plugins.base import Plugin, PluginError
from sandbox.plugins.server import serve
from sandbox.plugins.tlscerts import LocallySignedCert, SelfSignedCert
from sandbox.plugins.tlsforms import Key
from sandbox.plugins.tlsresource import TlsResource
from sandbox.plugins.values import Properties

_FEWEST_BITS = 1024


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
            if inputs["rsaBits"] < _FEWEST_BITS:
                raise PluginError(
                    f"Unable to generate Key from configuration: crypto/rsa: {inputs['rsaBits']}-bit keys are insecure "
                    "(see https://go.dev/pkg/crypto/rsa#hdr-Minimum_key_size)"
                )
            key = rsa.generate_private_key(public_exponent=65537, key_size=inputs["rsaBits"])
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
        if names := forms.alternative_names(inputs, "Error creating certificate request"):
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        request = builder.sign(key, forms.hash_for(key))
        pem = request.public_bytes(Encoding.PEM).decode()
        id_ = forms.sha1(request.public_bytes(Encoding.DER)).hex()
        return id_, {"keyAlgorithm": algorithm, "certRequestPem": pem}


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
