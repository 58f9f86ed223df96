"""Runs one program of this package.

components/local/run PROGRAM apply|remove < arguments.json components/local/run PROGRAM --help

Programs: bootstrap-token, csr-approval, signed-certificate, out-of-service, in-service, api-read,
certificate-ends, verification, lost-node, calico-leftovers, leftovers.

Every program takes one JSON object: kubeconfigFile (a path, seen from the project directory) or kubeconfig
(contents), context (optional), lockSeconds (optional, how long to wait for another program at work on the
same node; 600), apiRetrySeconds (optional, how long an API server that cannot be reached is tried again; 30),
and its own keys. Exit status: 0 done, 1 failed, 2 called wrongly, 128 + n ended by signal n.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import time
from collections.abc import Sequence
from types import FrameType
from typing import Final

from components.local import kubectl, lock
from components.local.arguments import Arguments
from components.local.errors import Failure, Terminated, UsageError, scrub
from components.local.session import Session

PROGRAMS: Final = (
    "bootstrap-token",
    "csr-approval",
    "signed-certificate",
    "out-of-service",
    "in-service",
    "api-read",
    "certificate-ends",
    "verification",
    "lost-node",
    "calico-leftovers",
    "leftovers",
)
# What a program is about, and locks, where that is no node.
_SUBJECT_KEYS: Final = {"signed-certificate": "name", "verification": "namespace"}
VERBS: Final = ("apply", "remove")
# Longer than any program may take: one that outlived its engine ends by itself before the next gives up.
_LOCK_SECONDS: Final = 600
_HELP: Final = ("--help", "-h", "help")
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main(arguments: Sequence[str]) -> int:
    """Runs a program and returns its exit status."""
    for number in _SIGNALS:
        signal.signal(number, _end)
    secrets: list[str] = []
    try:
        return _run(arguments, secrets)
    except UsageError as error:
        _print_error(str(error), secrets)
        return 2
    except Failure as error:
        _print_error(str(error), secrets)
        return 1
    except Terminated as error:
        _print_error(f"{' '.join(arguments)}: {error}", secrets)
        return 128 + error.signal_number


def _run(arguments: Sequence[str], secrets: list[str]) -> int:
    if not arguments or arguments[0] in _HELP:
        print((__doc__ or "").strip())
        return 0 if arguments else 2
    program = arguments[0]
    if program not in PROGRAMS:
        raise UsageError(f"no program {program!r}; there are: {', '.join(PROGRAMS)}")
    try:
        module = importlib.import_module(f"components.local.{program.replace('-', '_')}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] == "components":
            raise
        raise Failure(
            f"{program}: {sys.executable} lacks the package {error.name}: install the project's requirements "
            "(pip install -r requirements.txt) into its environment, or set KUBENODE_PYTHON"
        ) from None
    if len(arguments) == 2 and arguments[1] in _HELP:
        print((module.__doc__ or "").strip())
        return 0
    if len(arguments) != 2 or arguments[1] not in VERBS:
        raise UsageError(f"{program}: expected one of the verbs {', '.join(VERBS)}")
    verb = arguments[1]
    values = Arguments.parse(program, sys.stdin.read())
    if program in ("api-read", "certificate-ends"):
        if verb == "apply":
            print(module.run(values), flush=True)
        return 0
    act = getattr(module, verb, None)
    if act is None:
        # It has nothing to do; needing the API here could only make a removal fail.
        return 0
    if values.has("tokenSecret"):
        secrets.append(values.token_secret())
    subject = _subject(program, values)
    holder = f"{program} {verb} of {subject} (process {os.getpid()}, since {time.strftime('%H:%M:%S')})"
    try:
        with (
            lock.held(subject, holder, values.integer("lockSeconds", _LOCK_SECONDS), scope=_cluster(values)),
            kubectl.opened(values, secrets, values.integer("apiRetrySeconds", 30)) as opened,
        ):
            session = Session(opened, subject, os.environ.get("KUBENODE_PREVIOUS_STDOUT", ""))
            act(session, values)
    except UsageError:
        raise
    except Failure as error:
        text = str(error)
        raise Failure(text if text.startswith(subject) else f"{subject}: {program} {verb}: {text}") from error
    return 0


def _subject(program: str, values: Arguments) -> str:
    """What this run is about, and locks."""
    if program in _SUBJECT_KEYS:
        return values.text(_SUBJECT_KEYS[program])
    if program == "leftovers" and not values.has("node"):
        return values.text("stack")
    return values.node()


def _cluster(values: Arguments) -> str:
    """What tells this run's cluster from others on this machine; read without asking it."""
    file = values.text("kubeconfigFile", "")
    return "\n".join(
        (os.path.abspath(file) if file else values.text("kubeconfig", ""), values.text("context", ""))
    )


def _end(number: int, _frame: FrameType | None) -> None:
    for one in _SIGNALS:
        signal.signal(one, signal.SIG_IGN)
    raise Terminated(number)


def _print_error(text: str, secrets: Sequence[str]) -> None:
    print(f"kubenode: {scrub(text, secrets)}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
