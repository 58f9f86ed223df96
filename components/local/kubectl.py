"""kubectl, typed: JSON in and out, bounded in time, errors that can be told apart.

Owns running kubectl with one kubeconfig: requests by raw API path (one request each, no discovery, and an
object that is written back goes with its resourceVersion, so that the API server refuses it if somebody was
faster), retries while the API server cannot be reached, and the tmpfs folder of a kubeconfig that is given by
its contents. Never puts a secret into an argument list: bodies go through stdin. Does not own what is asked
or why.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

from components.local.arguments import Arguments
from components.local.errors import Failure, scrub

Json = dict[str, Any]

REQUEST_SECONDS: Final = 15
RETRY_SECONDS: Final = 30.0
_RETRY_PAUSE: Final = 1.0
_LONGEST_MESSAGE: Final = 1500
_LONGEST_STDERR: Final = 50_000
_STALE_SECONDS: Final = 60
_FOLDER: Final = "kubenode-kubectl-"

# What kubectl says when the request did not reach an API server that could serve it.
_TRANSIENT: Final = re.compile(
    r"connection refused|connection reset|i/o timeout|TLS handshake timeout|no route to host"
    r"|network is unreachable"
    r"|unexpected EOF|: EOF|client connection lost|Client\.Timeout exceeded|context deadline exceeded"
    r"|Unable to connect to the server|did not answer within|no such host|server misbehaving|broken pipe"
    r"|etcdserver: |\(ServiceUnavailable\)|\(TooManyRequests\)|\(Timeout\)|\(ServerTimeout\)"
    r"|currently unable to handle the request|apiserver not ready",
)
# Waiting does not mend these, whatever else the line says.
_LASTING: Final = re.compile(r"x509: |localhost:8080|127\.0\.0\.1:8080|error: EOF")
_KUBECONFIG_SECRET: Final = re.compile(
    r"""["']?(?:token|password|client-key-data|id-token|refresh-token|client-secret|access-token)["']?\s*:"""
    r"""\s*["']?([^\s"',}]{6,})"""
)


class KubectlError(Failure):
    """kubectl ended with an error."""

    def __init__(self, command: str, code: int, stderr: str) -> None:
        self.command = command
        self.code = code
        self.stderr = stderr
        super().__init__(f"{command}: exit status {code}: {stderr[-_LONGEST_MESSAGE:] or 'no message'}")

    @property
    def reason(self) -> str:
        """The API's reason (NotFound, Conflict, ...), or an empty text."""
        found = re.search(r"Error from server \((\w+)\)", self.stderr)
        if found is None and re.search(r'(?m)^The \w+ "[^"]*" is invalid: ', self.stderr):
            return "Invalid"
        return found.group(1) if found else ""

    @property
    def is_transient(self) -> bool:
        return bool(_TRANSIENT.search(self.stderr)) and not _LASTING.search(self.stderr)


class UnreachableError(KubectlError):
    """The API server did not answer for as long as was bearable."""

    def __init__(self, error: KubectlError, seconds: float) -> None:
        super().__init__(error.command, error.code, error.stderr)
        self.args = (
            f"the API server cannot be reached (tried for {seconds:.0f} s): {self.stderr[-600:]}. "
            "Check the cluster, and the stack's kubeconfig: kubectl --kubeconfig FILE get nodes",
        )


class Kubectl:
    """kubectl with one kubeconfig. Use `opened` to make one."""

    def __init__(
        self,
        kubeconfig: str,
        context: str = "",
        secrets: Sequence[str] = (),
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        executable = shutil.which("kubectl")
        if executable is None:
            raise Failure("kubectl was not found on PATH: install it on the machine that runs pulumi")
        self._prefix = [executable, f"--kubeconfig={kubeconfig}"]
        if context:
            self._prefix.append(f"--context={context}")
        self._secrets = tuple(secrets)
        self._retry_seconds = retry_seconds
        self._running: set[subprocess.Popen[str]] = set()
        self._guard = threading.Lock()

    def get(self, path: str, *, retry: bool = True, timeout_seconds: float = REQUEST_SECONDS) -> Json:
        """Reads one object or list."""
        return self._json(["get", "--raw", path], None, retry=retry, timeout_seconds=timeout_seconds)

    def find(self, path: str) -> Json | None:
        """Reads one object; None when it does not exist."""
        try:
            return self.get(path)
        except KubectlError as error:
            if error.reason == "NotFound":
                return None
            raise

    def read(self, path: str, timeout_seconds: float = REQUEST_SECONDS) -> str:
        """Reads plain text, once."""
        return self.run(["get", "--raw", path], retry=False, timeout_seconds=timeout_seconds)

    def post(self, path: str, body: Mapping[str, Any]) -> Json:
        """Creates an object."""
        return self._json(["create", "--raw", path, "-f", "-"], body)

    def dry_run(
        self, path: str, body: Mapping[str, Any], *, user: str, group: str, timeout_seconds: float
    ) -> None:
        """Asks, as somebody else, for an object that the path says not to keep (dryRun=All)."""
        arguments = ["create", "--raw", path, "-f", "-", f"--as={user}", f"--as-group={group}"]
        self.run(arguments, json.dumps(body), retry=False, timeout_seconds=timeout_seconds)

    def put(self, path: str, body: Mapping[str, Any]) -> Json:
        """Writes an object back. With its resourceVersion inside, only if it is still what was read."""
        return self._json(["replace", "--raw", path, "-f", "-"], body)

    def delete(self, path: str, uid: str, *, at_once: bool = False) -> bool:
        """Deletes exactly the object with this UID. False when it does not exist (any more).

        `at_once`: a pod goes without the word of a kubelet that its containers have ended.
        """
        body: Json = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}}
        if at_once:
            body["gracePeriodSeconds"] = 0
        try:
            self._json(["delete", "--raw", path, "-f", "-"], body)
        except KubectlError as error:
            if error.reason in ("NotFound", "Conflict"):
                return False
            raise
        return True

    def together(self, *calls: Callable[[], Any]) -> list[Any]:
        """Runs calls side by side. The first error is raised once all have ended."""
        with ThreadPoolExecutor(max_workers=max(1, len(calls))) as pool:
            futures = [pool.submit(call) for call in calls]
            try:
                return [future.result() for future in futures]
            except BaseException:
                for future in futures:
                    future.cancel()
                self.stop()
                raise

    def run(
        self,
        arguments: Sequence[str],
        stdin: str | None = None,
        *,
        retry: bool = True,
        timeout_seconds: float = REQUEST_SECONDS,
        tick: Callable[[], None] | None = None,
        bound_request: bool = True,
    ) -> str:
        """Runs kubectl and returns its stdout; `tick` is called every second while it runs."""
        started = time.monotonic()
        while True:
            try:
                return self._once(arguments, stdin, timeout_seconds, tick=tick, bound_request=bound_request)
            except KubectlError as error:
                if not error.is_transient or not retry:
                    raise
                spent = time.monotonic() - started
                if spent + _RETRY_PAUSE > self._retry_seconds:
                    raise UnreachableError(error, spent) from None
                time.sleep(_RETRY_PAUSE)

    def stop(self) -> None:
        """Ends whatever still runs."""
        with self._guard:
            for process in self._running:
                process.kill()

    def _json(
        self,
        arguments: Sequence[str],
        body: Mapping[str, Any] | None,
        *,
        retry: bool = True,
        timeout_seconds: float = REQUEST_SECONDS,
    ) -> Json:
        stdin = None if body is None else json.dumps(body)
        text = self.run(arguments, stdin, retry=retry, timeout_seconds=timeout_seconds)
        try:
            value = json.loads(text)
        except ValueError:
            raise KubectlError(_shown(arguments), 0, "the answer is no JSON") from None
        if not isinstance(value, dict):
            raise KubectlError(_shown(arguments), 0, "the answer is no JSON object")
        return value

    def _once(
        self,
        arguments: Sequence[str],
        stdin: str | None,
        timeout_seconds: float,
        *,
        tick: Callable[[], None] | None,
        bound_request: bool,
    ) -> str:
        command = [*self._prefix]
        if bound_request:
            command.append(f"--request-timeout={max(1, int(timeout_seconds))}s")
        command += arguments
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        with self._guard:
            self._running.add(process)
        # kubectl bounds the request itself; this is for a kubectl (or a credential helper of it) that does
        # not.
        deadline = time.monotonic() + timeout_seconds + 2
        try:
            while True:
                try:
                    out, err = process.communicate(
                        stdin, timeout=1 if tick else max(0.1, timeout_seconds + 2)
                    )
                    break
                except subprocess.TimeoutExpired:
                    if time.monotonic() >= deadline:
                        raise KubectlError(
                            _shown(arguments), 124, f"did not answer within {timeout_seconds:.0f} s"
                        ) from None
                    if tick:
                        tick()
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()
            with self._guard:
                self._running.discard(process)
        if process.returncode != 0:
            raise KubectlError(_shown(arguments), process.returncode, self._message(err))
        return out

    def _message(self, stderr: str) -> str:
        text = scrub(stderr, self._secrets)
        if "localhost:8080" in text or "127.0.0.1:8080" in text:
            text += "\nThe kubeconfig names no current context with a server"
        if "error: EOF" in text:
            text += "\nThe kubeconfig holds no credentials, so kubectl asked for a user name"
        lines = [line.strip() for line in text.splitlines() if line.strip() and not _is_noise(line)]
        return "; ".join(lines)[-_LONGEST_STDERR:]


@contextmanager
def opened(
    arguments: Arguments, secrets: Sequence[str] = (), retry_seconds: float = RETRY_SECONDS
) -> Iterator[Kubectl]:
    """kubectl with the kubeconfig that the arguments name or hold. There is no default: never the user's."""
    context = arguments.text("context", "")
    if arguments.has("kubeconfig"):
        contents = arguments.text("kubeconfig")
        hidden = (*secrets, *_KUBECONFIG_SECRET.findall(contents))
        with _private_file(contents) as path:
            kubectl = Kubectl(str(path), context, hidden, retry_seconds)
            try:
                yield kubectl
            finally:
                kubectl.stop()
        return
    path = Path(arguments.text("kubeconfigFile")).expanduser()
    if not path.is_file():
        raise Failure(f"kubeconfigFile: {path} does not exist (seen from {Path.cwd()})")
    kubectl = Kubectl(str(path), context, secrets, retry_seconds)
    try:
        yield kubectl
    finally:
        kubectl.stop()


def path(*parts: str, **query: str) -> str:
    """An API path of quoted parts, with a query."""
    plain = "/" + "/".join(quote(part, safe="") for part in parts)
    return with_query(plain, **query) if query else plain


def with_query(path: str, **query: str) -> str:
    """An API path with a query."""
    return f"{path}?{urlencode(query)}"


@dataclass(frozen=True)
class Paths:
    """The API paths that more than one program uses."""

    nodes: str = "/api/v1/nodes"
    requests: str = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
    leases: str = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
    secrets: str = "/api/v1/namespaces/kube-system/secrets"
    daemon_sets: str = "/apis/apps/v1/daemonsets"
    # Which authority the API server trusts for clients; the API server itself writes it.
    authentication: str = "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication"
    pods: str = "/api/v1/pods"

    def kubelet_health(self, node: str) -> str:
        """What a kubelet says of itself, through the API server."""
        return f"{self.nodes}/{node}/proxy/healthz"


PATHS: Final = Paths()


def items(answer: Mapping[str, Any]) -> list[Json]:
    """The objects of a list."""
    return [one for one in answer.get("items") or () if isinstance(one, dict)]


@contextmanager
def _private_file(contents: str) -> Iterator[Path]:
    """A file that only this user can read, in memory where possible, gone when the program ends."""
    shared_memory = Path("/dev/shm")  # noqa: S108 - a private folder is made in it
    usable = shared_memory.is_dir() and os.access(shared_memory, os.W_OK)
    base = shared_memory if usable else Path(tempfile.gettempdir())
    _remove_stale(base)
    # No signal may fall between making the folder and having it in the `try`.
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
    folder: Path | None = None
    descriptor = -1
    try:
        folder = Path(tempfile.mkdtemp(prefix=_FOLDER, dir=base))
        descriptor = os.open(folder / "held", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        path = folder / "kubeconfig"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(contents)
        yield path
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        if descriptor >= 0:
            os.close(descriptor)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def _remove_stale(base: Path) -> None:
    """Folders of programs that were killed: nobody holds their lock."""
    for folder in base.glob(_FOLDER + "*"):
        try:
            found = folder.lstat()
            if found.st_uid != os.getuid() or time.time() - found.st_mtime < _STALE_SECONDS:
                continue
            descriptor = os.open(folder / "held", os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            pass
        finally:
            os.close(descriptor)


def _is_noise(line: str) -> bool:
    """Lines of kubectl's log (I1123 10:00:00 ...) that repeat what the error says."""
    return bool(re.match(r"^[IWE]\d{4} ", line)) or line.startswith("Warning: ")


def _shown(arguments: Sequence[str]) -> str:
    return "kubectl " + " ".join(arguments)
