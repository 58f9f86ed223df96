"""A node's parts as text, with names in place of what only a run knows. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection, Mapping
from dataclasses import replace

from components.identity.kubeconfigs import Identities, KeyPair
from components.parts import Born, contents
from components.remote import toolkit
from components.remote.bundle import HostFile
from components.remote.content import Content
from components.rendering import digest
from components.settings import NodeSettings
from components.show.masks import AUTHORITY, AUTHORITY_PEM

_TOOLKIT = "/usr/local/lib/kubenode"
_BASE64 = re.compile(r"[A-Za-z0-9+/]{12,}={0,2}")


def born(node: NodeSettings) -> Born:
    """Names for what a run makes or learns."""
    with_token = node.runs_kube_proxy and node.identity.kube_proxy == "serviceAccount"
    identities = Identities(
        token=f"<token of {node.static_token.user}>"
        if node.static_token
        else f"<bootstrap token of {node.name}>",
        proxy=_pair("kube-proxy") if node.runs_kube_proxy and not with_token else None,
        client=_pair("the kubelet as a client") if node.client_is_issued else None,
        serving=_pair("the kubelet as a server") if node.serving_is_issued else None,
        proxy_token="<token of kube-proxy>" if with_token else "",
    )
    return Born(identities, verification_addresses=["<address of the Service or of a pod>"])


def _pair(whose: str) -> KeyPair:
    return KeyPair(f"<certificate of {whose}>", f"<key of {whose}>")


def parts(node: NodeSettings, names: Collection[str], *, verify: bool) -> dict[str, Content]:
    """Every part of a node in order. `names` are the placeholders of the configuration."""
    made = born(node)
    its = made.identities
    pairs = [pair for pair in (its.proxy, its.client, its.serving) if pair is not None]
    known = {*names, its.token, *(text for pair in pairs for text in (pair.certificate, pair.key))}
    words = {AUTHORITY_PEM: f"{AUTHORITY}\n"}
    if its.proxy is not None:
        words[digest(its.proxy.certificate)] = "<digest of the certificate of kube-proxy>"
    elif its.proxy_token:
        words[digest(its.proxy_token)] = "<digest of the token of kube-proxy>"
    words[digest(*its.kubelet_certificates)] = "<digest of the certificates of the kubelet>"
    return {
        part: _readable(_unpacked(content), known, words)
        for part, content in contents(node, made, verify=verify).items()
    }


def text(node: NodeSettings, shown: Mapping[str, Content]) -> str:
    """The lines of the bundles that a run sends, as a preview shows them, without what names the run."""
    lines = []
    for part, content in shown.items():
        lines += [f"part | {part}", *content.bundle(part, node.name, node.address, "-").body(), ""]
    return "\n".join(lines)


def files(shown: Mapping[str, Content]) -> dict[str, HostFile]:
    """Every file by its path on the host."""
    return {file.path: file for content in shown.values() for file in content.files}


def _unpacked(content: Content) -> Content:
    """The toolkit as the scripts that it becomes on the host."""
    if not content.payload:
        return content
    scripts = [toolkit.LIBRARY, *toolkit.SCRIPTS]
    installed = [
        HostFile(f"{name.removesuffix('.sh')}.sh", f"{_TOOLKIT}/{name}", toolkit.packed(name), "0755")
        for name in scripts
    ]
    return replace(content, files=(*content.files, *installed), payload="")


def _readable(content: Content, names: Collection[str], words: Mapping[str, str]) -> Content:
    def put(value: str) -> str:
        for old, new in words.items():
            value = value.replace(old, new)
        return _BASE64.sub(lambda found: _decoded(found[0], names), value)

    return replace(
        content,
        files=tuple(replace(file, content=put(file.content)) for file in content.files),
        settings={key: [put(value) for value in values] for key, values in (content.settings or {}).items()},
    )


def _decoded(text: str, names: Collection[str]) -> str:
    """What is in base64 is shown as text where a placeholder is in it."""
    try:
        found = base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        return text
    return f"base64 of {found}" if any(name in found for name in names) else text
