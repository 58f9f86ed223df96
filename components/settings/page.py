"""docs/configuration.md: every key with its type, default and example, made from the models."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

from components.settings.reference import Key, Shape, keys_of
from components.settings.sections import NODE_SECTIONS, STACK_SECTIONS, NodeSection

_HEAD = """\
# Configuration

Every key that a stack may set. This page is generated from the models in `components/settings`, by
`make docs`; do not edit it.

- [How it is written](#how-it-is-written)
- [Secrets](#secrets)
- [How values are merged](#how-values-are-merged)
- [In an editor](#in-an-editor)
- Sections that stand once: {stack}
- Sections that may also stand under a node: {node}
- [Nodes](#nodes)
- [A profile](#a-profile)

## How it is written

The configuration of a stack is `Pulumi.<stack>.yaml`, below `config:`. Each section is a key of the namespace
`kubenode`, such as `kubenode:docker`. On this page a place is written without it: `docker.criDockerd.version` is

```yaml
config:
  kubenode:docker:
    criDockerd:
      version: "0.4.3"
```

[Pulumi.prod.yaml.example](../Pulumi.prod.yaml.example) has every section with every key, to copy from.
`pulumi config set --path` sets one value: `pulumi config set --path 'kubelet.extraConfig.maxPods' 55`.

- A key that nobody reads is refused, with the nearest one that somebody does. So are a namespace that looks like this
  project's, and a key beside `config:` that is not Pulumi's; one that begins with `x-` may hold anchors.
- Every file is read as Pulumi reads a stack file ([decision](decisions/one-yaml-dialect.md)): `on`, `off`, `yes` and
  `no` are text, `017` and `0o17` are 15, `<<` merges. A date without quotes, and a key that would become another, is
  refused.
- Nothing is converted: `"22"` is no number, and a version without quotes is no text, because YAML reads `1.30` as
  1.3. Encrypted values arrive as text, so a number or a truth value cannot be one.
- Paths of files start at the project directory; `~` is the home directory.
- All problems are reported at once, each with its place and an example, before anything is asked or written.

## Secrets

Keys that hold a secret are marked **secret** below, with the command that encrypts it. The command reads the value from
standard input, so that it is in no history of a shell. A name with dots goes into brackets and quotes:
`nodes["worker-1.example.org"].ssh.password`. In the stack file such a value is `{{secure: …}}`. Where there is a key
that ends in `File`, the same secret may also be a file that is not committed. Values in `nodesFile` cannot be
encrypted, because Pulumi does not read that file: name files with secrets there.

## How values are merged

Sections of the second list may stand under a node, for that node alone. They are merged over the stack's own section:
maps key by key; everything else is replaced, lists too. `null` is a value like any other there.

Two groups of keys of a login replace each other as a whole, so that a node can choose another way than the stack:
`privateKeyFile`, `privateKey`, `agent`, `password`, and `hostKey`, `insecureIgnoreHostKey`.

`extraConfig` is then merged over what this project writes: maps key by key, everything else is replaced, and `null`
removes a key ([decision](decisions/merge-patch.md)).

## In an editor

Editors with the YAML language server check and complete a stack file that begins with this line:

```yaml
# yaml-language-server: $schema=docs/configuration.schema.json
```

and the file that `nodesFile` names with this one, its path seen from that file:

```yaml
# yaml-language-server: $schema=docs/nodes.schema.json
```

A schema knows names, types and patterns. Contradictions between keys are found by `pulumi preview`.
"""

_PROFILE = """\
## A profile

`profile` stands once, and names a set of values that lie below the stack's own sections, in place of this project's.
There is one: `seed-1.10`, the node of the walkthrough that kubenode began as, with Kubernetes 1.10 and its way to ask
for certificates, to let everybody in and to configure kube-proxy. What it renders, and how that differs from the
walkthrough: [seed.md](seed.md). Nobody who does not need exactly that node wants it. A preview says what it gives away.
"""

_NODES = """\
## nodes

`nodes` is a map of nodes by name; `nodesFile` is the path of a file that holds the same map, which another tool may
write. Give one of them. A name has at most 63 lower case letters, digits, hyphens and dots; it is the name of the Node
and of the node's resources, and cannot be changed.

A node has these keys, and may have any of the sections {sections}:
"""


def page() -> str:
    """The whole page."""
    links = {name: f"[{name}](#{name.lower()})" for name in (*STACK_SECTIONS, *NODE_SECTIONS)}
    node_links = ", ".join(links[name] for name in NODE_SECTIONS)
    parts = [_HEAD.format(stack=", ".join(links[name] for name in STACK_SECTIONS), node=node_links)]
    for name, model in STACK_SECTIONS.items():
        parts.append(_section(name, model, "Stands once.", name))
    for name, model in NODE_SECTIONS.items():
        parts.append(_section(name, model, "Stands once for all nodes, and may stand under a node.", name))
    parts.append(_NODES.format(sections=node_links) + "\n" + _table(NodeSection, "nodes.worker-1"))
    parts.append(_PROFILE)
    return "\n".join(parts)


def _section(name: str, model: type[BaseModel], where: str, place: str) -> str:
    return f"## {name}\n\n{(model.__doc__ or '').strip()} {where}\n\n{_table(model, place)}"


def _table(model: type[BaseModel], place: str) -> str:
    rows = ["| key | meaning | type | default | example |", "|---|---|---|---|---|"]
    rows += [_row(name, key, place) for name, key in _flat(model)]
    return "\n".join(rows) + "\n"


def _flat(model: type[BaseModel], above: str = "") -> Iterator[tuple[str, Key]]:
    """Keys with those of the tables inside, each under its whole name."""
    for key in keys_of(model):
        name = f"{above}{key.name}"
        yield name, key
        yield from _below(name, key.shape)


def _below(name: str, shape: Shape) -> Iterator[tuple[str, Key]]:
    if shape.table is not None:
        yield from _flat(shape.table, f"{name}.")
    elif shape.items is not None:
        yield from _below(f"{name}[]", shape.items)
    elif shape.values is not None and shape.keys is not None:
        yield from _below(f'{name}["{shape.keys.example}"]', shape.values)


def _row(name: str, key: Key, place: str) -> str:
    words = f"{key.shape.words}, or null" if _may_be_cleared(key) else key.shape.words
    example = f"`{key.shape.example}`"
    if key.shape.is_secret:
        command = f"`pulumi config set --secret --path '{place}.{name}'`"
        # An address is a secret only with a password in it.
        is_address = "://" in key.shape.example
        words = f"**secret**{' with a password' if is_address else ''}: {words}"
        example = f"{example}, or {command}" if is_address else command
    default = "required" if key.is_required else f"`{key.default}`" if key.default else ""
    cells = (f"`{name}`", key.description, words, default, example)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _may_be_cleared(key: Key) -> bool:
    """Whether null says something that leaving the key out does not."""
    return key.shape.is_nullable and key.default_value is not None
