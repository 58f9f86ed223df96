"""Has the cluster sign one certificate request of ours; prints the certificate.

Arguments: name, stack, request (PEM), signerName kubernetes.io/kube-apiserver-client, usages,
expirationSeconds (optional), notBefore (RFC 3339: a certificate from before it is due for renewal),
expectedCommonName, expectedOrganizations, timeoutSeconds 60.

apply  The last run's certificate is printed again, with no API call, if it has key, subject, alternative names
       and usages as asked and no more, is no authority's, is not expired, and no older than notBefore (less 10
       minutes, because signers backdate). Else a
       CertificateSigningRequest with a name of its own is made, read again and compared, approved, waited
       for, checked and deleted. Only the certificate is printed.
remove Requests that a killed run left.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from components.identity.lifetimes import LONGEST_HOURS
from components.identity.request import MalformedRequestError, load_request, subject_of
from components.local import nodes
from components.local.approval import approve
from components.local.arguments import Arguments
from components.local.errors import Failure
from components.local.kubectl import PATHS, Json, KubectlError, items, with_query
from components.local.session import Session
from components.local.signing_requests import delete_requests
from components.local.waiting import Wait

_BACKDATED: Final = timedelta(minutes=10)
# The CSR API's words for what a certificate says in two extensions.
_KEY_USAGES: Final = {
    "digital signature": "digital_signature",
    "content commitment": "content_commitment",
    "key encipherment": "key_encipherment",
    "data encipherment": "data_encipherment",
    "key agreement": "key_agreement",
    "cert sign": "key_cert_sign",
    "crl sign": "crl_sign",
}
_EXTENDED_USAGES: Final = {
    ExtendedKeyUsageOID.CLIENT_AUTH: "client auth",
    ExtendedKeyUsageOID.SERVER_AUTH: "server auth",
}
_REVIEWS: Final = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


@dataclass(frozen=True)
class Order:
    """The certificate that is wanted."""

    name: str
    stack: str
    request: str
    signer: str
    usages: tuple[str, ...]
    expiration_seconds: int
    not_before: datetime
    common_name: str
    organizations: tuple[str, ...]

    @classmethod
    def read(cls, arguments: Arguments) -> Order:
        not_before = nodes.read_time(arguments.text("notBefore"))
        if not_before is None:
            raise arguments.mistake(
                "notBefore", "expected an RFC 3339 time, for example 2026-01-31T12:00:00Z"
            )
        return cls(
            name=arguments.text("name"),
            stack=arguments.text("stack"),
            request=arguments.text("request"),
            signer=arguments.text("signerName", "kubernetes.io/kube-apiserver-client"),
            usages=arguments.texts("usages") or ("digital signature", "key encipherment", "client auth"),
            expiration_seconds=arguments.integer("expirationSeconds", 0, high=LONGEST_HOURS * 3600),
            not_before=not_before,
            common_name=arguments.text("expectedCommonName"),
            organizations=arguments.texts("expectedOrganizations"),
        )

    @property
    def labels(self) -> dict[str, str]:
        return {
            nodes.NAME_LABEL: nodes.label_value(self.name),
            nodes.STACK_LABEL: nodes.label_value(self.stack),
        }


def apply(session: Session, arguments: Arguments) -> None:
    order = Order.read(arguments)
    try:
        request = load_request(order.request)
    except MalformedRequestError as error:
        raise arguments.mistake("request", f"expected a PEM request: {error}") from None
    if subject := subject_faults(request.subject, order):
        raise Failure(f"{order.name}: the request is not for what is expected: {'; '.join(subject)}")
    previous = session.previous_stdout.strip()
    if previous and not certificate_faults(previous, request, order, datetime.now(UTC)):
        session.result(previous)
        return
    _delete_leftovers(session, order.labels)
    wait = Wait(arguments.integer("timeoutSeconds", 60, low=1), order.name)
    asked = datetime.now(UTC)
    certificate = _sign(session, order, wait)
    if faults := certificate_faults(certificate, request, order, datetime.now(UTC)):
        raise Failure(
            f"{order.name}: the signer {order.signer} issued another certificate: {'; '.join(faults)}"
        )
    if (hours := shortened(certificate, order, asked)) is not None:
        # An error would leave a cluster of short certificates without any; the early end is warned of once more.
        fix = f"Set identity.certificateValidityHours to {hours} or less; or let" if hours else "Let"
        session.say(
            f"{order.name}: the signer {order.signer} gave a certificate of {hours} hours, "
            f"{order.expiration_seconds // 3600} were asked for, so that it may end before it is renewed. {fix} the "
            "controller manager give more (--cluster-signing-duration; and none outlives its authority)"
        )
    session.result(certificate.strip())


def remove(session: Session, arguments: Arguments) -> None:
    wanted = {
        nodes.NAME_LABEL: nodes.label_value(arguments.text("name")),
        nodes.STACK_LABEL: nodes.label_value(arguments.text("stack")),
    }
    _delete_leftovers(session, wanted)


def manifest(order: Order, name: str) -> Json:
    """The CertificateSigningRequest object."""
    spec: Json = {
        "request": base64.b64encode(order.request.encode()).decode(),
        "signerName": order.signer,
        "usages": list(order.usages),
    }
    if order.expiration_seconds:
        spec["expirationSeconds"] = order.expiration_seconds
    return {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": name, "labels": order.labels},
        "spec": spec,
    }


def certificate_faults(
    pem: str, request: x509.CertificateSigningRequest, order: Order, now: datetime
) -> list[str]:
    """Why a certificate is not, or no longer, the wanted one."""
    try:
        certificate = x509.load_pem_x509_certificate(pem.strip().encode())
        extensions = certificate.extensions
        faults = subject_faults(certificate.subject, order)
        faults += _differences("names", names_of(extensions), names_of(request.extensions))
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return ["no readable certificate"]
    faults += _differences("usages", usages_of(extensions), set(order.usages))
    if _is_authority(extensions):
        faults.append("it is an authority's, which may sign others")
    if public_key(certificate) != public_key(request):
        faults.append("it is for another key")
    if certificate.not_valid_after_utc <= now:
        faults.append("it has expired")
    if certificate.not_valid_before_utc < order.not_before - _BACKDATED:
        faults.append("it is due for renewal")
    return faults


def shortened(pem: str, order: Order, asked: datetime) -> int | None:
    """The whole hours that a signer gave, if these are not what was asked for. When it is due was planned by that."""
    end = x509.load_pem_x509_certificate(pem.strip().encode()).not_valid_after_utc
    if (
        not order.expiration_seconds
        or end >= asked + timedelta(seconds=order.expiration_seconds) - _BACKDATED
    ):
        return None
    return max(int((end - asked + _BACKDATED).total_seconds() // 3600), 0)


def names_of(extensions: x509.Extensions) -> set[str]:
    """The subject alternative names, each with its kind."""
    return {
        f"{type(name).__name__} {name.value}"
        for extension in extensions
        if isinstance(extension.value, x509.SubjectAlternativeName)
        for name in extension.value
    }


def usages_of(extensions: x509.Extensions) -> set[str]:
    """What a certificate may be used for, in the words of the CSR API; a usage without a word by its number."""
    found: set[str] = set()
    for extension in extensions:
        value = extension.value
        if isinstance(value, x509.KeyUsage):
            found |= {word for word, attribute in _KEY_USAGES.items() if getattr(value, attribute)}
        elif isinstance(value, x509.ExtendedKeyUsage):
            found |= {_EXTENDED_USAGES.get(one, one.dotted_string) for one in value}
    return found


def _is_authority(extensions: x509.Extensions) -> bool:
    return any(isinstance(one.value, x509.BasicConstraints) and one.value.ca for one in extensions)


def _differences(what: str, found: set[str], expected: set[str]) -> list[str]:
    if found == expected:
        return []
    texts = [", ".join(sorted(one)) or "none" for one in (found, expected)]
    return [f"{what} {texts[0]}; expected {texts[1]}"]


def subject_faults(name: x509.Name, order: Order) -> list[str]:
    """Where a subject differs from the expected one."""
    subject = subject_of(name)
    faults: list[str] = []
    if subject.common_name != order.common_name:
        faults.append(f"common name {subject.common_name!r}, expected {order.common_name!r}")
    if sorted(subject.organizations) != sorted(order.organizations):
        faults.append(f"organizations {list(subject.organizations)}, expected {list(order.organizations)}")
    if subject.other_parts:
        faults.append(f"unexpected {', '.join(subject.other_parts)}")
    return faults


def public_key(holder: x509.CertificateSigningRequest | x509.Certificate) -> bytes:
    return holder.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _sign(session: Session, order: Order, wait: Wait) -> str:
    name = f"kubenode-{nodes.label_value(order.name).lower().replace('_', '-')}-{secrets.token_hex(5)}"
    wanted = manifest(order, name)
    path = f"{PATHS.requests}/{name}"
    uid = ""
    try:
        try:
            session.kubectl.post(PATHS.requests, wanted)
        except KubectlError as error:
            # A request that was tried again after its answer was lost; what is there is compared below.
            if error.reason != "AlreadyExists":
                raise
        made, ours = session.kubectl.together(lambda: session.kubectl.get(path), lambda: _own_user(session))
        uid = made["metadata"]["uid"]
        if differences := [key for key in wanted["spec"] if made["spec"].get(key) != wanted["spec"][key]]:
            raise Failure(
                f"{order.name}: request {name} changed on its way: {', '.join(differences)}; not approved"
            )
        if ours and made["spec"].get("username") != ours:
            raise Failure(
                f"{order.name}: request {name} was sent by {made['spec'].get('username')}, not by {ours}; "
                "not approved"
            )
        # The controller manager approves by itself where its requestor has the right to it.
        if not approve(session, made, "kubenode: signed for the stack"):
            _demand_approved(session, order, path, name)
        return _issued(session, order, path, name, wait)
    finally:
        if uid:
            session.kubectl.delete(path, uid)


def _demand_approved(session: Session, order: Order, path: str, name: str) -> None:
    status = session.kubectl.get(path).get("status") or {}
    if not any(one.get("type") == "Approved" for one in status.get("conditions") or ()):
        raise Failure(f"{order.name}: request {name} was changed by somebody else before it was approved")


def _issued(session: Session, order: Order, path: str, name: str, wait: Wait) -> str:
    while True:
        status: Mapping[str, Any] = session.kubectl.get(path).get("status") or {}
        if certificate := status.get("certificate"):
            return base64.b64decode(certificate).decode()
        bad = [one for one in status.get("conditions") or () if one.get("type") in ("Denied", "Failed")]
        if bad:
            words = " ".join(str(bad[0].get(key, "")) for key in ("type", "reason", "message"))
            raise Failure(f"{order.name}: request {name} for {order.signer}: {words[:400]}")
        if wait.expired:
            raise Failure(
                f"{order.name}: request {name} was approved, but {order.signer} issued no certificate within "
                f"{wait.timeout_seconds:.0f} s. "
                "Next: is --cluster-signing-cert-file set on the controller manager?"
            )
        wait.pause(f"for the signer {order.signer}")


def _own_user(session: Session) -> str:
    """Who we are to the API server; empty where it cannot say (before Kubernetes 1.28)."""
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    try:
        answer = session.kubectl.post(_REVIEWS, review)
    except KubectlError as error:
        if error.reason in ("NotFound", "Forbidden", "MethodNotAllowed"):
            return ""
        raise
    return str(((answer.get("status") or {}).get("userInfo") or {}).get("username") or "")


def _delete_leftovers(session: Session, labels: Mapping[str, str]) -> None:
    selector = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
    delete_requests(session, _labelled(session, selector))


def _labelled(session: Session, selector: str) -> Sequence[Json]:
    return items(session.kubectl.get(with_query(PATHS.requests, labelSelector=selector)))
