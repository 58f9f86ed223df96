"""A client certificate signed by the cluster itself: key and request by pulumi-tls, signature through the CSR API.

Owns the key (in state, encrypted), the request and the clock. Does not own the signing key, which nobody here ever
sees, nor the approval (`components/local/signed_certificate.py`).

The clock is a self-signed certificate of the same validity that nobody uses: pulumi-tls replaces it in time, and a due
renewal is thereby visible in a preview.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_tls as tls
from cryptography import x509

from components.remote.command import Kubeconfig, operator_command

# Replacing a key means first the new, then the old goes: nothing reads the old one by then.
_ALGORITHM = "ECDSA"
_CURVE = "P256"


@dataclass(frozen=True)
class IssuedCertificateArgs:
    """`common_name` and `organizations` are the identity; validity and early renewal count in hours."""

    common_name: str
    organizations: Sequence[str]
    kubeconfig: Kubeconfig
    claim: str
    validity_hours: int
    early_renewal_hours: int
    after: Sequence[pulumi.Resource] = ()


def expiry(pem: str) -> str | None:
    """When a certificate ends, RFC 3339 in UTC; None for a text that is none, as in a preview."""
    try:
        end = x509.load_pem_x509_certificate(pem.strip().encode()).not_valid_after_utc
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
        key = tls.PrivateKey(f"{name}-key", algorithm=_ALGORITHM, ecdsa_curve=_CURVE, opts=own)
        request = tls.CertRequest(
            f"{name}-request",
            private_key_pem=key.private_key_pem,
            subject=tls.CertRequestSubjectArgs(
                common_name=args.common_name,
                organization=args.organizations[0] if args.organizations else None,
            ),
            opts=own,
        )
        clock = tls.SelfSignedCert(
            f"{name}-clock",
            private_key_pem=key.private_key_pem,
            subject=tls.SelfSignedCertSubjectArgs(common_name="kubenode clock"),
            allowed_uses=[],
            validity_period_hours=args.validity_hours,
            early_renewal_hours=args.early_renewal_hours,
            opts=own,
        )
        signed = operator_command(
            name,
            "signed-certificate",
            args.kubeconfig,
            {
                "name": name,
                "stack": args.claim,
                "request": request.cert_request_pem,
                "signerName": "kubernetes.io/kube-apiserver-client",
                "usages": ["client auth", "digital signature"],
                "expirationSeconds": args.validity_hours * 3600,
                "notBefore": clock.validity_start_time,
                "expectedCommonName": args.common_name,
                "expectedOrganizations": list(args.organizations),
            },
            pulumi.ResourceOptions(parent=self, depends_on=list(args.after)),
            result_is_public=True,
            remember_result=True,
        )
        self.private_key = pulumi.Output.secret(key.private_key_pem)
        self.certificate = signed.stdout
        self.register_outputs({})
