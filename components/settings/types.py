"""The named types of the configuration. Each says what it expects, with an example, and never what it got."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, SecretStr
from pydantic_core import CoreSchema, PydanticCustomError, core_schema


def refusal(text: str) -> PydanticCustomError:
    """An error that stands in the report word for word."""
    return PydanticCustomError("kubenode", "{text}", {"text": text})


@dataclass(frozen=True)
class Expected:
    """A type in words: what is expected, an example, and the test for it.

    `pattern` is for editors, where the test is more than a regular expression: every text that is accepted
    matches it, and some that are not accepted do too. `login`: of a URL, where its user and password belong.
    """

    what: str
    example: str
    accept: Callable[[str], bool]
    pattern: str = ""
    login: str = ""

    @property
    def text(self) -> str:
        """The sentence of the report."""
        return f"expected {self.what}, for example {self.example}"

    def check(self, value: object) -> str:
        """The value itself if it is text of this type."""
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        if not isinstance(value, str):
            raise refusal(self.text + _yaml_hint(value))
        if not self.accept(value):
            hint = self.login if self.login and _LOGIN.match(value) else ""
            raise refusal(self.text + hint)
        return value

    @property
    def schema(self) -> dict[str, Any]:
        """The type for a JSON Schema."""
        return _text_schema(
            self.pattern or (self.accept.pattern if isinstance(self.accept, _Matches) else "")
        )

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.check, handler(source))


@dataclass(frozen=True)
class _Matches:
    """Whether a text as a whole matches a regular expression."""

    pattern: str

    def __call__(self, text: str) -> bool:
        return re.fullmatch(self.pattern, text) is not None


def _text_schema(pattern: str) -> dict[str, Any]:
    return {"type": "string", **({"pattern": f"^(?:{pattern})$"} if pattern else {})}


_WHOLE = "a whole number"


@dataclass(frozen=True)
class Whole:
    """A whole number between two bounds, in words with an example."""

    what: str
    example: int
    minimum: int
    maximum: int

    def check(self, value: object) -> int:
        """The value itself if it is such a number."""
        if isinstance(value, bool) or not isinstance(value, int) or not self.minimum <= value <= self.maximum:
            whole = "" if self.what == _WHOLE else f", {_WHOLE}"
            raise refusal(
                f"expected {self.what}{whole} from {self.minimum} to {self.maximum}, for example {self.example}"
            )
        return value

    @property
    def schema(self) -> dict[str, Any]:
        """The type for a JSON Schema."""
        return {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.check, handler(source))


@dataclass(frozen=True)
class PlainData:
    """A map that can be written as JSON and as YAML without loss: text keys, finite numbers, no dates."""

    what: str = "a map of keys and values"
    example: str = "{}"

    def check(self, value: object) -> dict[str, Any]:
        """The value itself if it is such a map."""
        if not isinstance(value, dict):
            # The words of a map that is a section; with them comes the example of the key.
            raise PydanticCustomError("dict_type", "expected a map of keys and values")
        _check_plain(value, "")
        return value

    @property
    def schema(self) -> dict[str, Any]:
        """The type for a JSON Schema."""
        return {"type": "object"}

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.check)


_DEEPEST = 20


def _check_plain(value: object, where: str, depth: int = 0) -> None:
    at = f"{where}: " if where else ""
    if depth > _DEEPEST:
        raise refusal(f"expected at most {_DEEPEST} levels")
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str) or not _is_printable(key):
                raise refusal(f"{at}a key is no plain text; write it in quotes")
            _check_plain(item, f"{where}.{key}" if where else key, depth + 1)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            _check_plain(item, f"{where}[{number}]", depth + 1)
    elif isinstance(value, float) and not math.isfinite(value):
        raise refusal(f"{at}expected a finite number")
    elif not (value is None or isinstance(value, str | int | float)):
        raise refusal(f"{at}expected text, a number, true, false, a list or a map; write dates in quotes")
    elif isinstance(value, str) and not _is_printable(value):
        raise refusal(f"{at}expected text without control characters")


def _yaml_hint(value: object) -> str:
    if isinstance(value, bool):
        return " (YAML reads true and false as a truth value: write it in quotes)"
    if isinstance(value, int | float):
        return " (YAML reads it as a number, so that 1.30 becomes 1.3: write it in quotes)"
    if value is None:
        return " (it is empty)"
    return ""


def _matches(pattern: str) -> _Matches:
    return _Matches(pattern)


def _is_printable(text: str) -> bool:
    return all(
        character in "\n\t" or (ord(character) >= 32 and ord(character) != 127) for character in text
    ) and (_is_unicode(text))


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_DNS_NAME = rf"{_LABEL}(\.{_LABEL})*"


def is_dns_name(text: str) -> bool:
    """RFC 1123 subdomain: lower case letters, digits, hyphens and dots."""
    return len(text) <= 253 and re.fullmatch(_DNS_NAME, text) is not None


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


def _is_node_ip(text: str) -> bool:
    if not is_ip(text):
        return False
    address = ipaddress.ip_address(text)
    is_broadcast = address == ipaddress.IPv4Address("255.255.255.255")
    is_of_nobody = address.is_unspecified or address in _THIS_NETWORK or is_broadcast
    return not (address.is_loopback or is_of_nobody or address.is_multicast or address.is_link_local)


def _is_address(text: str) -> bool:
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


def _is_cidr(text: str) -> bool:
    return is_range(text, strict=True)


def pair(text: str) -> list[str]:
    """One value, or the two of a dual-stack cluster with a comma between them."""
    return [one.strip() for one in text.split(",")]


def _one_of_each_family(accept: Callable[[str], bool]) -> Callable[[str], bool]:
    def accept_pair(text: str) -> bool:
        given = pair(text)
        return all(accept(one) for one in given) and (
            len(given) == 1 or (len(given) == 2 and (":" in given[0]) != (":" in given[1]))
        )

    return accept_pair


def is_cidr_pair(text: str) -> bool:
    """An address range, or one of each family."""
    return _one_of_each_family(_is_cidr)(text)


def _is_host_key(text: str) -> bool:
    words = text.split()
    if len(words) not in (2, 3) or not _is_printable(text) or "\n" in text:
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
_REGISTRY = r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?)(:[0-9]{1,5})?"
_PLACE = re.compile(r"(?:[a-z]+://)?(?:[^@/]*@)?(?:\[([^\]]*)\]|([^:/]*))(?::([^/]*))?(?:/.*)?")


def _is_port(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,5}", text) is not None and 1 <= int(text) <= 65535


@dataclass(frozen=True)
class _AtHost(_Matches):
    """The same of a text that names a host, in a URL or not: there can be such a host, and such a port."""

    def __call__(self, text: str) -> bool:
        found = _PLACE.fullmatch(text) if super().__call__(text) else None
        if found is None:
            return False
        in_brackets, host, port = found.groups()
        is_host = is_ip(in_brackets) and ":" in in_brackets if in_brackets else _is_address(host)
        return is_host and (port is None or _is_port(port))


def _is_url(schemes: str) -> Callable[[str], bool]:
    return _AtHost(rf"(?:{schemes})://{_REGISTRY}(/[A-Za-z0-9._~%@:+,/-]*)?")


_LOGIN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*@")


def _is_url_template(text: str) -> bool:
    filled = text.replace("{version}", "1.37.2").replace("{architecture}", "amd64")
    return _is_url("https?")(filled)


_NAME = r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"


def _is_qualified_name(text: str) -> bool:
    prefix, slash, name = text.rpartition("/")
    return re.fullmatch(_NAME, name) is not None and (is_dns_name(prefix) if slash else True)


def _is_no_proxy(text: str) -> bool:
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


def _is_file_path(text: str) -> bool:
    return bool(text.strip()) and _is_printable(text) and "\n" not in text


_MIRROR_PATH = r"[A-Za-z0-9._@+:-]+(/[A-Za-z0-9._@+:-]+)*"


def _is_mirror_path(text: str) -> bool:
    return re.fullmatch(_MIRROR_PATH, text) is not None and ".." not in text.split("/")


def _is_folder(text: str) -> bool:
    parts = text.split("/")[1:]
    return re.fullmatch(r"(/[A-Za-z0-9._@+-]+)+", text) is not None and not {".", ".."} & set(parts)


def _is_one_line(text: str) -> bool:
    return bool(text.strip()) and _is_printable(text) and "\n" not in text


# A URL is in plain text in the state and on the host.
_NO_LOGIN = (
    " (without a login: it would stand in plain text in the state and on the host; let the server answer these hosts "
    "without one, or one that sends it on. The login of a proxy goes into host.proxy)"
)

# Every accepted text matches the pattern of its type; the rest is for Python to say.
_ONE_LINE = r"[^\n]*\S[^\n]*"
_IP = r"[0-9A-Fa-f:.]+"


# Names of a cluster and its nodes
NodeName = Annotated[
    str,
    Expected(
        "a node name of at most 63 lower case letters, digits, hyphens and dots",
        "worker-1",
        # 63: the name is also the value of the label kubernetes.io/hostname.
        lambda text: is_dns_name(text) and len(text) <= 63,
        rf"(?=.{{1,63}}$){_DNS_NAME}",
    ),
]
DnsDomain = Annotated[
    str, Expected("a DNS domain without a dot at its end", "cluster.local", is_dns_name, _DNS_NAME)
]
Text = Annotated[str, Expected("one line of text", "production", _is_one_line, _ONE_LINE)]
OwnNamespace = Annotated[
    str,
    # It is deleted with all that is in it.
    Expected(
        "a namespace of its own, so neither default nor kube-…",
        "kubenode-verification",
        _matches(rf"(?!default$|kube-){_LABEL}"),
    ),
]
LabelKey = Annotated[
    str,
    Expected(
        "a label key", "topology.kubernetes.io/zone", _is_qualified_name, rf"([a-z0-9.-]{{1,253}}/)?{_NAME}"
    ),
]
LabelValue = Annotated[
    str, Expected("a label value of at most 63 letters, digits, . _ -", "rack-7", _matches(rf"({_NAME})?"))
]
AnnotationValue = Annotated[str, Expected("text", "bought in 2024", _is_printable)]

# Addresses
Address = Annotated[str, Expected("an IP address or host name", "10.0.0.7", _is_address, "[0-9A-Za-z.:-]+")]
IpAddress = Annotated[str, Expected("an IP address", "10.96.0.10", is_ip, _IP)]
NodeIp = Annotated[
    str,
    Expected(
        "an IP address of the host that other hosts reach (no loopback, broadcast or multicast), or one of each family "
        "with a comma",
        "10.0.0.7",
        _one_of_each_family(_is_node_ip),
        f"{_IP}(, *{_IP})?",
    ),
]
Cidr = Annotated[
    str,
    Expected(
        "an address range without host bits, or one of each family with a comma",
        "10.244.0.0/16",
        is_cidr_pair,
        rf"{_IP}/[0-9]{{1,3}}(, *{_IP}/[0-9]{{1,3}})?",
    ),
]
HttpsUrl = Annotated[
    str,
    Expected(
        "an https URL",
        "https://10.0.0.1:6443",
        _is_url("https"),
        login=" (without a login: the kubeconfig has the administrator's, and nodes get their own certificates)",
    ),
]
HttpUrl = Annotated[
    str,
    Expected(
        "an http or https URL",
        "https://mirror.example.org/kubernetes",
        _is_url("https?"),
        login=_NO_LOGIN,
    ),
]
UrlTemplate = Annotated[
    str,
    Expected(
        "an http or https URL in which {version} and {architecture} may stand",
        '"https://mirror.example.org/kubernetes/v{version}/{architecture}/kubelet"',
        _is_url_template,
        r"https?://[^\s]+",
        login=_NO_LOGIN,
    ),
]
Port = Annotated[int, Whole("a TCP port", 22, 1, 65535)]

# Files, keys and secrets
FilePath = Annotated[
    str,
    Expected("a path relative to the project directory", "secrets/id_ed25519", _is_file_path, _ONE_LINE),
]
NodesFilePath = Annotated[
    str, Expected("a path relative to the project directory", "nodes.yaml", _is_file_path, _ONE_LINE)
]
MirrorPath = Annotated[
    str, Expected("a path below the mirror", "images/pause-3.10.2.tar", _is_mirror_path, _MIRROR_PATH)
]
CaData = Annotated[
    str,
    Expected(
        "certificates in PEM or the base64 of it, as certificate-authority-data of a kubeconfig",
        "LS0tLS1CRUdJTi...",
        lambda text: pem_certificates(text) is not None,
    ),
]
HostKey = Annotated[
    str,
    Expected(
        "the host's public key as /etc/ssh/ssh_host_ed25519_key.pub has it",
        '"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5..."',
        _is_host_key,
        r"\s*\S+\s+[A-Za-z0-9+/=]+(\s+\S+)?\s*",
    ),
]
Sha256 = Annotated[
    str, Expected("a SHA-256 of 64 hexadecimal digits", "9f86d081884c...", _matches(r"[0-9a-f]{64}"))
]
PrivateKey = Annotated[
    SecretStr,
    Expected(
        "a private key in PEM without passphrase (a key with one works through agent: true)",
        "-----BEGIN OPENSSH PRIVATE KEY-----...",
        is_private_key,
    ),
]
SigningKey = Annotated[
    SecretStr,
    Expected(
        "the private key of a certificate authority in PEM, without passphrase",
        "-----BEGIN PRIVATE KEY-----...",
        lambda text: is_private_key(text) and "OPENSSH" not in text,
    ),
]
Password = Annotated[SecretStr, Expected("a password", "an encrypted value", _is_one_line)]
StaticToken = Annotated[
    SecretStr,
    Expected(
        "a token of at least 16 characters as in the API server's token file, without comma, quote or space",
        "0123456789abcdef0123456789abcdef",
        _Matches(r"""[^\s,"']{16,}"""),
    ),
]
# What Kubernetes gives to its own parts starts with system:, and a person's user has no business here.
KubernetesUser = Annotated[
    str,
    Expected(
        "a user name of Kubernetes that does not start with system:",
        "kube-apiserver-kubelet-client",
        _Matches(r"""(?!system:)[^\s,"']{1,253}"""),
    ),
]
KubeconfigText = Annotated[
    SecretStr, Expected("the contents of a kubeconfig", "an encrypted value", lambda text: bool(text.strip()))
]
# In the user's name and password only what neither a shell nor systemd reads as anything else.
ProxyUrl = Annotated[
    SecretStr,
    Expected(
        "a proxy as http://host:port, or http://user:password@host:port with other characters than letters, digits "
        "and . _ ~ - as %XX",
        "http://proxy.example.org:3128",
        _AtHost(rf"https?://([A-Za-z0-9._~%-]+(:[A-Za-z0-9._~%-]*)?@)?{_REGISTRY}/?"),
    ),
]
NoProxy = Annotated[
    str,
    Expected(
        "a host, a domain with a dot in front, an address or an address range",
        "10.0.0.0/24",
        _is_no_proxy,
        r"[A-Za-z0-9.:*][A-Za-z0-9._:-]*(/[0-9]{1,3})?",
    ),
]

RegistryUser = Annotated[
    str,
    Expected("a user name without colon", "puller", lambda text: _is_one_line(text) and ":" not in text),
]

# Versions and packages
KubernetesVersion = Annotated[
    str,
    Expected("a full Kubernetes version in quotes", '"1.37.2"', _matches(r"v?[0-9]{1,3}(\.[0-9]{1,4}){2}")),
]
ReleaseVersion = Annotated[
    str, Expected("a full version in quotes", '"0.4.3"', _matches(r"v?[0-9]{1,4}(\.[0-9]{1,4}){2}"))
]
Package = Annotated[
    str,
    Expected(
        "a package, with a version if you want to pin it",
        "docker.io=20.10.24+dfsg1-1",
        _matches(r"[a-z0-9][a-z0-9._+-]+(=[A-Za-z0-9.+~:^_-]+)?"),
    ),
]
ImageName = Annotated[
    str,
    Expected(
        "an image with a tag other than latest, or a digest",
        "registry.k8s.io/pause:3.10.2",
        _matches(
            r"(?!.*:latest$)[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)*"
            r"(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}(@sha256:[0-9a-f]{64})?|@sha256:[0-9a-f]{64})"
        ),
    ),
]

# Docker's daemon and its registries
RegistryName = Annotated[
    str,
    Expected("a registry's host, with its port if it has one", "registry.example.org", _AtHost(_REGISTRY)),
]
RegistryMirror = Annotated[
    str,
    Expected(
        "an http or https URL without a path",
        "https://mirror.example.org",
        # Docker's own rule.
        _AtHost(rf"https?://{_REGISTRY}/?"),
        login=" (without a login: Docker sends none to a mirror; one for a registry goes into docker.registries)",
    ),
]
InsecureRegistry = Annotated[
    str,
    Expected(
        "a registry's host with its port, or an address range, without https://",
        "registry.example.org:5000",
        lambda text: _is_cidr(text) or _AtHost(_REGISTRY)(text),
    ),
]
Folder = Annotated[
    str, Expected("an absolute path of letters, digits and . _ @ + -", "/data/docker", _is_folder)
]
RepositoryChannel = Annotated[
    str, Expected("a channel of the repository", "stable", _matches(r"[a-z][a-z0-9.-]*"))
]

# The pod network
AutodetectionMethod = Annotated[
    str,
    Expected(
        "kubernetes-internal-ip, first-found, or can-reach, interface, skip-interface or cidr with = and a value",
        "interface=eth1",
        _matches(
            r"first-found|kubernetes-internal-ip|(can-reach|interface|skip-interface|cidr)=[A-Za-z0-9.,:/*+^$|()\[\]_-]+"
        ),
    ),
]
ImagePrefix = Annotated[
    str,
    Expected(
        "a registry's host, with its port and a path if it has one, without https://",
        "registry.example.org/mirror",
        _AtHost(rf"{_REGISTRY}(/[a-z0-9._-]+)*"),
    ),
]
EtcdEndpoint = Annotated[
    str, Expected("an https URL of a member of etcd", "https://10.0.0.156:2379", _is_url("https"))
]

# Values that end up in a file or on a command line of a host
UserName = Annotated[str, Expected("a login name", "root", _matches(r"[a-z_][a-z0-9_.-]{0,31}"))]
FlagName = Annotated[str, Expected("a flag without its dashes", "v", _matches(r"[a-z][a-z0-9-]*"))]
SysctlName = Annotated[
    str, Expected("a kernel setting", "net.core.somaxconn", _matches(r"[a-z][a-z0-9_]*([./][A-Za-z0-9_-]+)+"))
]
LogSize = Annotated[str, Expected("a size in k, m or g", "10m", _matches(r"[1-9][0-9]{0,5}[kmg]"))]
Seconds = Annotated[int, Whole("a number of seconds", 120, 1, 86400)]
Count = Annotated[int, Whole(_WHOLE, 3, 1, 1000)]
Hours = Annotated[int, Whole("a number of hours", 8760, 1, 876000)]
PlainMap = Annotated[dict[str, Any], PlainData()]


# No quoting rule of systemd applies to these characters.
_FLAG_VALUE = r"[A-Za-z0-9@:/._,=+<>*-]*"
_SYSCTL_VALUE = r"[A-Za-z0-9_./:,-]+([ \t]+[A-Za-z0-9_./:,-]+)*"


def _flag_value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str) and re.fullmatch(_FLAG_VALUE, value):
        return value
    raise refusal("expected the value of a flag without spaces and quotes, for example 4")


def _sysctl_value(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    # on and yes are text for Pulumi's YAML, and no kernel setting has such a word.
    is_word = isinstance(value, str) and value.lower() in ("on", "off", "yes", "no", "true", "false")
    if isinstance(value, str) and re.fullmatch(_SYSCTL_VALUE, value) and not is_word:
        return value
    raise refusal("expected the value of a kernel setting, for example 1 (or nothing, to leave it alone)")


@dataclass(frozen=True)
class Converted:
    """A value that may be written in one of several `kinds` of JSON Schema and is kept as text."""

    convert: Callable[[object], str | None]
    what: str
    example: str
    kinds: tuple[str, ...]
    pattern: str = ""

    @property
    def schema(self) -> dict[str, Any]:
        """The type for a JSON Schema; a pattern is about text alone."""
        return {**_text_schema(self.pattern), "type": ["string", *self.kinds]}

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.convert)


FlagValue = Annotated[
    str,
    Converted(
        _flag_value, "the value of a flag without spaces and quotes", "4", ("integer", "boolean"), _FLAG_VALUE
    ),
]
SysctlValue = Annotated[
    str | None,
    Converted(
        _sysctl_value,
        "the value of a kernel setting, or null to leave it alone",
        "1",
        ("integer", "null"),
        _SYSCTL_VALUE,
    ),
]
