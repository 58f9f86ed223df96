"""A certificate that the stack asks for: key and request by pulumi-tls, signed by the cluster or by a CA of the user's.

Owns the key (in state, encrypted) and the request. By the cluster: through the CSR API, so that nobody here ever sees
the signing key; the approval is not here (`components/local/signed_certificate.py`). By a CA: with its key, which is
then in state too, encrypted.

pulumi-tls replaces a certificate in time, so that a due renewal is visible in a preview. What the cluster signs has a
clock for that: a self-signed certificate of the same validity that nobody uses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_tls as tls
from cryptography import x509

from components.remote.command import Kubeconfig, operator_command
from components.settings import AuthoritySettings

# Replacing a key means first the new, then the old goes: nothing reads the old one by then.
_KEYS: Mapping[str, Mapping[str, Any]] = {
    "ecdsa": {"algorithm": "ECDSA", "ecdsa_curve": "P256"},
    "rsa": {"algorithm": "RSA", "rsa_bits": 2048},
}


@dataclass(frozen=True)
class Purpose:
    """What a certificate is for: the cluster's signer, and its usages as the CSR API and as pulumi-tls name them."""

    signer: str
    usages: Sequence[str]
    allowed_uses: Sequence[str]


_CLIENT = (("client auth", "digital signature"), ("digital_signature", "client_auth"))
CLIENT = Purpose("kubernetes.io/kube-apiserver-client", *_CLIENT)
KUBELET_CLIENT = Purpose("kubernetes.io/kube-apiserver-client-kubelet", *_CLIENT)
KUBELET_SERVING = Purpose(
    "kubernetes.io/kubelet-serving",
    ("digital signature", "server auth"),
    ("digital_signature", "server_auth"),
)


@dataclass(frozen=True)
class Issuing:
    """How a stack's certificates are made: by whom, with which keys, for how many hours. No authority: the cluster."""

    kubeconfig: Kubeconfig
    claim: str
    key_algorithm: str
    validity_hours: int
    early_renewal_hours: int
    authority: AuthoritySettings | None


@dataclass(frozen=True)
class IssuedCertificateArgs:
    """`common_name` and `organizations` are the identity; `dns_names` and `ips` those of a server."""

    common_name: str
    organizations: Sequence[str]
    issuing: Issuing
    purpose: Purpose = CLIENT
    dns_names: Sequence[str] = ()
    ips: Sequence[str] = ()
    after: Sequence[pulumi.Resource] = ()


def expiry(pem: str) -> str | None:
    """When the first of these certificates ends, RFC 3339 in UTC; None for a text that is none, as in a preview."""
    try:
        end = min(one.not_valid_after_utc for one in x509.load_pem_x509_certificates(pem.strip().encode()))
    except ValueError:
        return None
    return end.strftime("%Y-%m-%dT%H:%MZ")


class IssuedCertificate(pulumi.ComponentResource):
    """`private_key` is secret; `certificate` is PEM and public."""

    private_key: pulumi.Output[str]
    certificate: pulumi.Output[str]

    def __init__(
        self, name: str, args: IssuedCertificateArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("kubenode:index:IssuedCertificate", name, None, opts)
        own = pulumi.ResourceOptions(parent=self)
        key = tls.PrivateKey(f"{name}-key", **_KEYS[args.issuing.key_algorithm], opts=own)
        request = tls.CertRequest(
            f"{name}-request",
            private_key_pem=key.private_key_pem,
            subject=tls.CertRequestSubjectArgs(
                common_name=args.common_name,
                organization=args.organizations[0] if args.organizations else None,
            ),
            # Another order would be another request.
            dns_names=sorted(args.dns_names) or None,
            ip_addresses=sorted(args.ips) or None,
            opts=own,
        )
        self.private_key = pulumi.Output.secret(key.private_key_pem)
        if args.issuing.authority is None:
            self.certificate = self._by_the_cluster(name, args, key, request)
        else:
            self.certificate = self._by(args.issuing.authority, name, args, request)
        self.register_outputs({})

    def _by_the_cluster(
        self, name: str, args: IssuedCertificateArgs, key: tls.PrivateKey, request: tls.CertRequest
    ) -> pulumi.Output[str]:
        issuing = args.issuing
        clock = tls.SelfSignedCert(
            f"{name}-clock",
            private_key_pem=key.private_key_pem,
            subject=tls.SelfSignedCertSubjectArgs(common_name="kubenode clock"),
            allowed_uses=[],
            validity_period_hours=issuing.validity_hours,
            early_renewal_hours=issuing.early_renewal_hours,
            opts=pulumi.ResourceOptions(parent=self),
        )
        signed = operator_command(
            name,
            "signed-certificate",
            issuing.kubeconfig,
            {
                "name": name,
                "stack": issuing.claim,
                "request": request.cert_request_pem,
                "signerName": args.purpose.signer,
                "usages": list(args.purpose.usages),
                "expirationSeconds": issuing.validity_hours * 3600,
                "notBefore": clock.validity_start_time,
                "expectedCommonName": args.common_name,
                "expectedOrganizations": list(args.organizations),
            },
            pulumi.ResourceOptions(parent=self, depends_on=list(args.after)),
            result_is_public=True,
            remember_result=True,
        )
        return signed.stdout

    def _by(
        self,
        authority: AuthoritySettings,
        name: str,
        args: IssuedCertificateArgs,
        request: tls.CertRequest,
    ) -> pulumi.Output[str]:
        key = authority.private_key
        signed = tls.LocallySignedCert(
            name,
            ca_cert_pem=authority.certificate_pem,
            # A key whose file is not there, which only a preview may do without, says nothing about a change.
            ca_private_key_pem=pulumi.Output.secret(key.get_secret_value() if key else ""),
            cert_request_pem=request.cert_request_pem,
            allowed_uses=list(args.purpose.allowed_uses),
            validity_period_hours=args.issuing.validity_hours,
            early_renewal_hours=args.issuing.early_renewal_hours,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=list(args.after),
                ignore_changes=None if key else ["caPrivateKeyPem"],
            ),
        )
        return signed.cert_pem
