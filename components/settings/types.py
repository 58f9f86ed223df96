"""The named types of the configuration. Each says what it expects, with an example."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import SecretStr

from components.settings.expected import WHOLE, Converted, Expected, PlainData, Whole, refusal
from components.settings.forms import (
    DNS_NAME,
    IP,
    LABEL,
    MIRROR_PATH,
    NAME,
    NO_LOGIN,
    ONE_LINE,
    REGISTRY,
    AtHost,
    Matches,
    is_address,
    is_cidr,
    is_cidr_pair,
    is_dns_name,
    is_file_path,
    is_folder,
    is_host_key,
    is_ip,
    is_mirror_path,
    is_no_proxy,
    is_node_ip,
    is_one_line,
    is_printable,
    is_private_key,
    is_qualified_name,
    is_url,
    is_url_template,
    matches,
    one_of_each_family,
    pem_certificates,
)

# Names of a cluster and its nodes
NodeName = Annotated[
    str,
    Expected(
        "a node name of at most 63 lower case letters, digits, hyphens and dots",
        "worker-1",
        # 63: the name is also the value of the label kubernetes.io/hostname.
        lambda text: is_dns_name(text) and len(text) <= 63,
        rf"(?=.{{1,63}}$){DNS_NAME}",
    ),
]
DnsDomain = Annotated[
    str, Expected("a DNS domain without a dot at its end", "cluster.local", is_dns_name, DNS_NAME)
]
Text = Annotated[str, Expected("one line of text", "production", is_one_line, ONE_LINE)]
OwnNamespace = Annotated[
    str,
    # It is deleted with all that is in it.
    Expected(
        "a namespace of its own, so neither default nor kube-…",
        "kubenode-verification",
        matches(rf"(?!default$|kube-){LABEL}"),
    ),
]
LabelKey = Annotated[
    str,
    Expected(
        "a label key", "topology.kubernetes.io/zone", is_qualified_name, rf"([a-z0-9.-]{{1,253}}/)?{NAME}"
    ),
]
LabelValue = Annotated[
    str, Expected("a label value of at most 63 letters, digits, . _ -", "rack-7", matches(rf"({NAME})?"))
]
AnnotationValue = Annotated[str, Expected("text", "bought in 2024", is_printable)]

# Addresses
Address = Annotated[str, Expected("an IP address or host name", "10.0.0.7", is_address, "[0-9A-Za-z.:-]+")]
IpAddress = Annotated[str, Expected("an IP address", "10.96.0.10", is_ip, IP)]
NodeIp = Annotated[
    str,
    Expected(
        "an IP address of the host that other hosts reach (no loopback, broadcast or multicast), or one of each family "
        "with a comma",
        "10.0.0.7",
        one_of_each_family(is_node_ip),
        f"{IP}(, *{IP})?",
    ),
]
Cidr = Annotated[
    str,
    Expected(
        "an address range without host bits, or one of each family with a comma",
        "10.244.0.0/16",
        is_cidr_pair,
        rf"{IP}/[0-9]{{1,3}}(, *{IP}/[0-9]{{1,3}})?",
    ),
]
HttpsUrl = Annotated[
    str,
    Expected(
        "an https URL",
        "https://10.0.0.1:6443",
        is_url("https"),
        login=" (without a login: the kubeconfig has the administrator's, and nodes get their own certificates)",
    ),
]
HttpUrl = Annotated[
    str,
    Expected(
        "an http or https URL",
        "https://mirror.example.org/kubernetes",
        is_url("https?"),
        login=NO_LOGIN,
    ),
]
UrlTemplate = Annotated[
    str,
    Expected(
        "an http or https URL in which {version} and {architecture} may stand",
        '"https://mirror.example.org/kubernetes/v{version}/{architecture}/kubelet"',
        is_url_template,
        r"https?://[^\s]+",
        login=NO_LOGIN,
    ),
]
Port = Annotated[int, Whole("a TCP port", 22, 1, 65535)]

# Files, keys and secrets
FilePath = Annotated[
    str,
    Expected("a path relative to the project directory", "secrets/id_ed25519", is_file_path, ONE_LINE),
]
NodesFilePath = Annotated[
    str, Expected("a path relative to the project directory", "nodes.yaml", is_file_path, ONE_LINE)
]
MirrorPath = Annotated[
    str, Expected("a path below the mirror", "images/pause-3.10.2.tar", is_mirror_path, MIRROR_PATH)
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
        is_host_key,
        r"\s*\S+\s+[A-Za-z0-9+/=]+(\s+\S+)?\s*",
    ),
]
Sha256 = Annotated[
    str, Expected("a SHA-256 of 64 hexadecimal digits", "9f86d081884c...", matches(r"[0-9a-f]{64}"))
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
Password = Annotated[SecretStr, Expected("a password", "an encrypted value", is_one_line)]
StaticToken = Annotated[
    SecretStr,
    Expected(
        "a token of at least 16 characters as in the API server's token file, without comma, quote or space",
        "0123456789abcdef0123456789abcdef",
        Matches(r"""[^\s,"']{16,}"""),
    ),
]
# What Kubernetes gives to its own parts starts with system:, and a person's user has no business here.
KubernetesUser = Annotated[
    str,
    Expected(
        "a user name of Kubernetes that does not start with system:",
        "kube-apiserver-kubelet-client",
        Matches(r"""(?!system:)[^\s,"']{1,253}"""),
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
        AtHost(rf"https?://([A-Za-z0-9._~%-]+(:[A-Za-z0-9._~%-]*)?@)?{REGISTRY}/?"),
    ),
]
NoProxy = Annotated[
    str,
    Expected(
        "a host, a domain with a dot in front, an address or an address range",
        "10.0.0.0/24",
        is_no_proxy,
        r"[A-Za-z0-9.:*][A-Za-z0-9._:-]*(/[0-9]{1,3})?",
    ),
]

RegistryUser = Annotated[
    str,
    Expected("a user name without colon", "puller", lambda text: is_one_line(text) and ":" not in text),
]

# Versions and packages
KubernetesVersion = Annotated[
    str,
    Expected("a full Kubernetes version in quotes", '"1.37.2"', matches(r"v?[0-9]{1,3}(\.[0-9]{1,4}){2}")),
]
ReleaseVersion = Annotated[
    str, Expected("a full version in quotes", '"0.4.3"', matches(r"v?[0-9]{1,4}(\.[0-9]{1,4}){2}"))
]
Package = Annotated[
    str,
    Expected(
        "a package, with a version if you want to pin it",
        "docker.io=20.10.24+dfsg1-1",
        matches(r"[a-z0-9][a-z0-9._+-]+(=[A-Za-z0-9.+~:^_-]+)?"),
    ),
]
ImageName = Annotated[
    str,
    Expected(
        "an image with a tag other than latest, or a digest",
        "registry.k8s.io/pause:3.10.2",
        matches(
            r"(?!.*:latest$)[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)*"
            r"(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}(@sha256:[0-9a-f]{64})?|@sha256:[0-9a-f]{64})"
        ),
    ),
]

# Docker's daemon and its registries
RegistryName = Annotated[
    str,
    Expected("a registry's host, with its port if it has one", "registry.example.org", AtHost(REGISTRY)),
]
RegistryMirror = Annotated[
    str,
    Expected(
        "an http or https URL without a path",
        "https://mirror.example.org",
        # Docker's own rule.
        AtHost(rf"https?://{REGISTRY}/?"),
        login=" (without a login: Docker sends none to a mirror; one for a registry goes into docker.registries)",
    ),
]
InsecureRegistry = Annotated[
    str,
    Expected(
        "a registry's host with its port, or an address range, without https://",
        "registry.example.org:5000",
        lambda text: is_cidr(text) or AtHost(REGISTRY)(text),
    ),
]
Folder = Annotated[
    str, Expected("an absolute path of letters, digits and . _ @ + -", "/data/docker", is_folder)
]
RepositoryChannel = Annotated[
    str, Expected("a channel of the repository", "stable", matches(r"[a-z][a-z0-9.-]*"))
]

# The pod network
AutodetectionMethod = Annotated[
    str,
    Expected(
        "kubernetes-internal-ip, first-found, or can-reach, interface, skip-interface or cidr with = and a value",
        "interface=eth1",
        matches(
            r"first-found|kubernetes-internal-ip|(can-reach|interface|skip-interface|cidr)=[A-Za-z0-9.,:/*+^$|()\[\]_-]+"
        ),
    ),
]
ImagePrefix = Annotated[
    str,
    Expected(
        "a registry's host, with its port and a path if it has one, without https://",
        "registry.example.org/mirror",
        AtHost(rf"{REGISTRY}(/[a-z0-9._-]+)*"),
    ),
]
EtcdEndpoint = Annotated[
    str, Expected("an https URL of a member of etcd", "https://10.0.0.156:2379", is_url("https"))
]

# Values that end up in a file or on a command line of a host
UserName = Annotated[str, Expected("a login name", "root", matches(r"[a-z_][a-z0-9_.-]{0,31}"))]
FlagName = Annotated[str, Expected("a flag without its dashes", "v", matches(r"[a-z][a-z0-9-]*"))]
SysctlName = Annotated[
    str, Expected("a kernel setting", "net.core.somaxconn", matches(r"[a-z][a-z0-9_]*([./][A-Za-z0-9_-]+)+"))
]
LogSize = Annotated[str, Expected("a size in k, m or g", "10m", matches(r"[1-9][0-9]{0,5}[kmg]"))]
Seconds = Annotated[int, Whole("a number of seconds", 120, 1, 86400)]
Count = Annotated[int, Whole(WHOLE, 3, 1, 1000)]
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
