# ruff: noqa: ARG002 - every method has the whole signature of its interface
"""The life that all resources of the tls provider have in common.

Owns the checks of inputs, defaults, what replaces and what is secret. Does not own what is made, nor the types of
inputs (`tlsinputs.py`).
"""

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from cryptography.exceptions import UnsupportedAlgorithm

from sandbox.plugins import tlsinputs
from sandbox.plugins.base import Call, Diff, Failure, PluginError, Resource
from sandbox.plugins.values import UNKNOWN, Properties, Unknown, hidden, plain, secret


class TlsResource(Resource):
    """The common part: every input but those in `in_place` replaces; outputs are the inputs, their defaults
    and what `make` adds."""

    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    defaults: ClassVar[Properties] = {}
    secrets: tuple[str, ...] = ()
    computed: tuple[str, ...] = ()
    in_place: tuple[str, ...] = ()
    choices: ClassVar[dict[str, Iterable[str]]] = {}
    least: ClassVar[dict[str, int]] = {}
    most: ClassVar[dict[str, int]] = {}

    def make(self, inputs: Properties) -> tuple[str, Properties]:
        """The id and the computed outputs, from plain and complete inputs."""
        raise NotImplementedError

    def warnings(self, inputs: Properties) -> Iterator[str]:
        """What is to be said of something that was made, by the same inputs."""
        yield from ()

    async def check(self, call: Call, olds: Properties, news: Properties) -> tuple[Properties, list[Failure]]:
        failures = [
            Failure(key, f"Missing required property '{key}'")
            for key in self.required
            if news.get(key) is None
        ]
        for key, value in news.items():
            if not key.startswith("__"):
                failures += [Failure(key, hidden(why, value)) for why in self._wrong(call, key, value)]
        return {k: secret(v) if k in self.secrets and v is not None else v for k, v in news.items()}, failures

    def _wrong(self, call: Call, key: str, value: Any) -> Iterator[str]:
        if key not in (*self.required, *self.optional, *self.defaults):
            yield _why_not(call.token, key)
            return
        try:
            converted = plain(tlsinputs.convert(key, value))
        except tlsinputs.WrongTypeError as error:
            yield str(error)
            return
        choices, least, most = self.choices.get(key), self.least.get(key), self.most.get(key)
        for item in converted if isinstance(converted, list) else [converted]:
            if item is None or isinstance(item, Unknown):
                continue
            if choices is not None and item not in choices:
                yield f"value must be one of: {', '.join(sorted(choices))}, got: {item}"
            if least is not None and item < least:
                yield f"value must be at least {least}, got: {item}"
            if most is not None and item > most:
                yield f"the official tls plugin counts at most {most} hours rightly, got: {item}"

    async def diff(self, call: Call, old_inputs: Properties, olds: Properties, news: Properties) -> Diff:
        diff = Diff.between(plain(self._complete(old_inputs)), plain(self._complete(news)))
        diff.replace = {path for path in diff.changes if path[0] not in self.in_place}
        return diff

    async def create(self, call: Call, inputs: Properties) -> tuple[str, Properties]:
        complete = self._complete(inputs)
        if call.preview:
            return "", {**dict.fromkeys(self.computed, UNKNOWN), **complete}
        try:
            id_, made = await asyncio.to_thread(self.make, plain(complete))
        except (ValueError, UnsupportedAlgorithm) as error:
            raise PluginError(hidden(f"{call.name}: {error}", inputs)) from None
        except PluginError as error:
            raise await told(call, hidden(str(error), inputs)) from None
        for text in self.warnings(plain(complete)):
            await call.log.warning(text)
        return id_, {**complete, **{k: secret(v) if k in self.secrets else v for k, v in made.items()}}

    async def update(
        self, call: Call, old_inputs: Properties, olds: Properties, news: Properties
    ) -> Properties:
        return {**olds, **self._complete(news)}

    async def delete(self, call: Call, old_inputs: Properties, olds: Properties) -> None:
        """There is nothing but the state."""

    def _complete(self, inputs: Properties) -> Properties:
        given = {
            key: value for key, value in inputs.items() if value is not None and not key.startswith("__")
        }
        converted = tlsinputs.converted(given)
        return {**self.defaults, **{key: value for key, value in converted.items() if value is not None}}


async def told(call: Call, text: str) -> PluginError:
    """An error as the bridge has it, which tells each twice: first the other way round."""
    summary, _, detail = text.partition(": ")
    await call.log.error(f"[ERROR] {detail}: {summary}")
    return PluginError(text)


def _why_not(token: str, key: str) -> str:
    text = f"the sandbox's tls plugin knows no input {key} of {token}"
    stem = key.removesuffix("Version").removesuffix("Wo")
    if f"{stem}Wo" not in key:
        return text
    return (
        f"{text}. The official one takes the key of {stem}Wo in place of {stem}, and after that another one only if "
        f"{stem}WoVersion changes. Give {stem}: it is encrypted in state"
    )
