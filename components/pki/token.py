"""A node's bootstrap token, drawn from a key in state so that it never changes and never shows as a change.

Owns the token's two halves. Does not own when it is valid: a local program makes its Secret when the node needs to
join, for an hour at most, and deletes it afterwards (docs/decisions/bootstrap-tokens.md).
"""

from __future__ import annotations

import hashlib

import pulumi
import pulumi_tls as tls

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class BootstrapToken(pulumi.ComponentResource):
    """`token_id` is public, `token_secret` is secret."""

    token_id: pulumi.Output[str]
    token_secret: pulumi.Output[str]

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kubenode:index:BootstrapToken", name, None, opts)
        key = tls.PrivateKey(f"{name}-key", algorithm="ED25519", opts=pulumi.ResourceOptions(parent=self))
        self.token_id = key.public_key_pem.apply(lambda pem: drawn(pem, 6))
        self.token_secret = pulumi.Output.secret(key.private_key_pem.apply(lambda pem: drawn(pem, 16)))
        self.register_outputs({})


def drawn(seed: str, length: int) -> str:
    """`length` characters of [a-z0-9], as bootstrap tokens want them, from the SHA-256 of `seed`."""
    number = int.from_bytes(hashlib.sha256(f"kubenode bootstrap token {seed}".encode()).digest(), "big")
    characters = []
    for _ in range(length):
        number, digit = divmod(number, len(_DIGITS))
        characters.append(_DIGITS[digit])
    return "".join(characters)
