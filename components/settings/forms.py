"""What a text of the configuration must look like to be a name, an address, a URL, a key, a path. Pure."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Matches:
    """Whether a text as a whole matches a regular expression."""

    pattern: str

    def __call__(self, text: str) -> bool:
        return re.fullmatch(self.pattern, text) is not None


def matches(pattern: str) -> Matches:
    return Matches(pattern)


def is_printable(text: str) -> bool:
    return all(
        character in "\n\t" or (ord(character) >= 32 and ord(character) != 127) for character in text
    ) and (_is_unicode(text))


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
DNS_NAME = rf"{LABEL}(\.{LABEL})*"


def is_dns_name(text: str) -> bool:
    """RFC 1123 subdomain: lower case letters, digits, hyphens and dots."""
    return len(text) <= 253 and re.fullmatch(DNS_NAME, text) is not None


def is_ip(text: str) -> bool:
    """An IPv4 or IPv6 address without zone."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def host_of(url: str) -> str:
    """The host name or address of an https URL, without port, path and brackets."""
    return re.sub(r"^https://|(:\d+)?(/.*)?$", "", url).strip("[]")


_THIS_NETWORK = ipaddress.ip_network("0.0.0.0/8")


def is_node_ip(text: str) -> bool:
    if not is_ip(text):
        return False
    address = ipaddress.ip_address(text)
    is_broadcast = address == ipaddress.IPv4Address("255.255.255.255")
    is_of_nobody = address.is_unspecified or address in _THIS_NETWORK or is_broadcast
    return not (address.is_loopback or is_of_nobody or address.is_multicast or address.is_link_local)


def is_address(text: str) -> bool:
    # A name of digits and dots only is a mistyped IPv4 address.
    return is_ip(text) or (is_dns_name(text.lower()) and re.fullmatch(r"[0-9.]+", text) is None)


_RANGE = re.compile(r"[0-9A-Fa-f:.]+/(0|[1-9][0-9]{0,2})")


def is_range(text: str, *, strict: bool = False) -> bool:
    """An address range with the length of its prefix, and no netmask. `strict`: without host bits."""
    try:
        ipaddress.ip_network(text, strict=strict)
    except ValueError:
        return False
    return _RANGE.fullmatch(text) is not None


def is_cidr(text: str) -> bool:
    return is_range(text, strict=True)


def pair(text: str) -> list[str]:
    """One value, or the two of a dual-stack cluster with a comma between them."""
    return [one.strip() for one in text.split(",")]


def one_of_each_family(accept: Callable[[str], bool]) -> Callable[[str], bool]:
    def accept_pair(text: str) -> bool:
        given = pair(text)
        return all(accept(one) for one in given) and (
            len(given) == 1 or (len(given) == 2 and (":" in given[0]) != (":" in given[1]))
        )

    return accept_pair


def is_cidr_pair(text: str) -> bool:
    """An address range, or one of each family."""
    return one_of_each_family(is_cidr)(text)


def is_host_key(text: str) -> bool:
    words = text.split()
    if len(words) not in (2, 3) or not is_printable(text) or "\n" in text:
        return False
    try:
        blob = base64.b64decode(words[1], validate=True)
    except (binascii.Error, ValueError):
        return False
    name = words[0].encode()
    return len(blob) > len(name) + 8 and blob.startswith(len(name).to_bytes(4, "big") + name)


def pem_certificates(text: str) -> str | None:
    """The certificates of a PEM text, or of the base64 of one, one after the other; None if there is none."""
    if "-----BEGIN" not in text:
        try:
            text = base64.b64decode("".join(text.split()), validate=True).decode()
        except (binascii.Error, ValueError):
            return None
    blocks = re.findall(
        r"-----BEGIN CERTIFICATE-----\s+([A-Za-z0-9+/=\s]+?)\s*-----END CERTIFICATE-----", text
    )
    if not blocks or "PRIVATE KEY" in text:
        return None
    lines: list[str] = []
    for block in blocks:
        body = "".join(block.split())
        try:
            if not base64.b64decode(body, validate=True).startswith(b"\x30"):
                return None
        except (binascii.Error, ValueError):
            return None
        lines += ["-----BEGIN CERTIFICATE-----", *re.findall(r".{1,64}", body), "-----END CERTIFICATE-----"]
    return "\n".join(lines) + "\n"


def is_private_key(text: str) -> bool:
    """A private key in PEM that needs no passphrase."""
    found = re.search(r"-----BEGIN ([A-Z ]*PRIVATE KEY)-----(.*?)-----END \1-----", text, re.DOTALL)
    if found is None or "ENCRYPTED" in found.group(0):
        return False
    if found.group(1) != "OPENSSH PRIVATE KEY":
        return True
    try:
        blob = base64.b64decode("".join(found.group(2).split()), validate=True)
    except (binascii.Error, ValueError):
        return False
    # After the magic word stands the cipher of the key: "none" without a passphrase.
    return blob.startswith(b"openssh-key-v1\0\x00\x00\x00\x04none")


# A host as Docker and the kubelet name a registry, with its port if that is not the usual one.
REGISTRY = r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?)(:[0-9]{1,5})?"
_PLACE = re.compile(r"(?:[a-z]+://)?(?:[^@/]*@)?(?:\[([^\]]*)\]|([^:/]*))(?::([^/]*))?(?:/.*)?")


def _is_port(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,5}", text) is not None and 1 <= int(text) <= 65535


@dataclass(frozen=True)
class AtHost(Matches):
    """The same of a text that names a host, in a URL or not: there can be such a host, and such a port."""

    def __call__(self, text: str) -> bool:
        found = _PLACE.fullmatch(text) if super().__call__(text) else None
        if found is None:
            return False
        in_brackets, host, port = found.groups()
        is_host = is_ip(in_brackets) and ":" in in_brackets if in_brackets else is_address(host)
        return is_host and (port is None or _is_port(port))


def is_url(schemes: str) -> Callable[[str], bool]:
    return AtHost(rf"(?:{schemes})://{REGISTRY}(/[A-Za-z0-9._~%@:+,/-]*)?")


LOGIN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*@")


def is_url_template(text: str) -> bool:
    filled = text.replace("{version}", "1.37.2").replace("{architecture}", "amd64")
    return is_url("https?")(filled)


NAME = r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"


def is_qualified_name(text: str) -> bool:
    prefix, slash, name = text.rpartition("/")
    return re.fullmatch(NAME, name) is not None and (is_dns_name(prefix) if slash else True)


def is_no_proxy(text: str) -> bool:
    if "/" in text:
        return is_range(text)
    host, colon, port = text.rpartition(":") if text.count(":") == 1 else (text, "", "")
    if colon and not _is_port(port):
        return False
    if is_ip(host) or host == "*":
        return True
    # A domain with a dot, or *. as some clients want it; names of digits alone are mistyped addresses.
    name = host.removeprefix("*").removeprefix(".")
    return is_dns_name(name.lower()) and re.fullmatch(r"[0-9.]+", name) is None


def is_file_path(text: str) -> bool:
    return bool(text.strip()) and is_printable(text) and "\n" not in text


MIRROR_PATH = r"[A-Za-z0-9._@+:-]+(/[A-Za-z0-9._@+:-]+)*"


def is_mirror_path(text: str) -> bool:
    return re.fullmatch(MIRROR_PATH, text) is not None and ".." not in text.split("/")


def is_folder(text: str) -> bool:
    parts = text.split("/")[1:]
    return re.fullmatch(r"(/[A-Za-z0-9._@+-]+)+", text) is not None and not {".", ".."} & set(parts)


def is_one_line(text: str) -> bool:
    return bool(text.strip()) and is_printable(text) and "\n" not in text


# A URL is in plain text in the state and on the host.
NO_LOGIN = (
    " (without a login: it would stand in plain text in the state and on the host; let the server answer these hosts "
    "without one, or one that sends it on. The login of a proxy goes into host.proxy)"
)

# Every accepted text matches the pattern of its type; the rest is for Python to say.
ONE_LINE = r"[^\n]*\S[^\n]*"
IP = r"[0-9A-Fa-f:.]+"
