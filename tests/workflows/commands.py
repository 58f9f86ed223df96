"""Every command of the workflows, and what runs it here. One that is not listed fails the tests."""

from __future__ import annotations

from typing import Final

ON_THE_SANDBOX: Final = {
    'ci/stacks >>"$GITHUB_OUTPUT"',
    "ci/install",
    "ci/secrets",
    "ci/preview",
    "ci/comment",
    "ci/up",
    "ci/renew",
    "ci/audit",
    "ci/drift",
    "ci/secrets remove",
}
"""Run in the workflows' order by tests/e2e/test_workflows.py."""

AROUND_THE_TESTS: Final = {
    "make lint": "a step of 'make test', which runs this very test",
    "make test-fast": "these tests themselves",
    'sudo -E env "PATH=$PATH" .ci/run': "runs 'make test', which runs this very test",
}
"""Not run by a test, since they run the tests."""
