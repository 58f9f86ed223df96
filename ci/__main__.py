"""The programs behind the scripts of this folder: `python -m ci comment|text|approvals|due`.

Owns arguments, environment and exit codes. Does not own any of the work.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ci import plan
from ci.comment import comment, marker
from ci.github import GithubError, PullRequest

_USAGE = (
    "usage: python -m ci comment STACK OUTPUT CODE | text STACK OUTPUT CODE | "
    "approvals STATE [PREVIEW] | due PREVIEW"
)
_SECRETS = (
    "GITHUB_TOKEN",
    "KUBENODE_KUBECONFIG",
    "KUBENODE_SSH_KEY",
    "PULUMI_ACCESS_TOKEN",
    "PULUMI_CONFIG_PASSPHRASE",
)


def main(arguments: list[str], environment: Mapping[str, str]) -> int:
    try:
        match arguments:
            case ["comment", stack, output, code]:
                print(_comment(stack, Path(output), Path(code), environment))
            case ["text", stack, output, code]:
                print(_text(stack, Path(output), Path(code), environment), end="")
            case ["approvals", state]:
                print("".join(f"{urn}\n" for urn in plan.approvals(_json(state))), end="")
            case ["approvals", state, preview]:
                as_deployed, others = plan.as_deployed(plan.approvals(_json(state)), _json(preview))
                print("".join(f"{urn}\n" for urn in as_deployed), end="")
                for name in others:
                    print(
                        f"ci renew: {name}: what is configured is not deployed yet. Left to: pulumi up",
                        file=sys.stderr,
                    )
            case ["due", preview]:
                print("yes" if plan.renewal_is_due(_json(preview)) else "no")
            case _:
                print(_USAGE, file=sys.stderr)
                return 2
    except (GithubError, plan.NotDueError, OSError, ValueError, KeyError) as error:
        text = f"{error} is not set" if isinstance(error, KeyError) else str(error)
        print(f"ci {arguments[0]}: {text}", file=sys.stderr)
        return 1
    return 0


def _json(path: str) -> Any:
    return json.loads(Path(path).read_text(encoding="utf-8"))


def _comment(stack: str, output: Path, code: Path, environment: Mapping[str, str]) -> str:
    """Posts the comment; its address."""
    number = environment["PULL_REQUEST"]
    if not number.isdecimal():
        raise ValueError("PULL_REQUEST: expected the number of a pull request, for example 7")
    pull_request = PullRequest(
        environment.get("GITHUB_API_URL", "https://api.github.com"),
        environment["GITHUB_REPOSITORY"],
        int(number),
        environment["GITHUB_TOKEN"],
        environment.get("COMMENT_AUTHOR", "github-actions[bot]"),
    )
    return pull_request.put(marker(stack), _text(stack, output, code, environment))


def _text(stack: str, output: Path, code: Path, environment: Mapping[str, str]) -> str:
    log = ""
    if run := environment.get("GITHUB_RUN_ID"):
        server = environment.get("GITHUB_SERVER_URL", "https://github.com")
        log = f"{server}/{environment['GITHUB_REPOSITORY']}/actions/runs/{run}"
    # A multi-line secret is hidden line by line: a diff shows it with other words in between.
    secrets = [line for name in _SECRETS for line in environment.get(name, "").splitlines() if len(line) >= 8]
    return comment(
        stack,
        output.read_text(encoding="utf-8"),
        int(code.read_text(encoding="utf-8")),
        secrets=secrets,
        log=log,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
