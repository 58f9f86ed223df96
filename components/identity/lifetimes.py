"""How long a certificate may live."""

from __future__ import annotations

from typing import Final

LONGEST_HOURS: Final = 10 * 366 * 24
"""Of one that a cluster's signer is asked for; signers give less."""
