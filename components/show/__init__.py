"""What a node's host will hold, as text: `make show NODE=worker-1`.

Reads the stack file and `nodesFile`, and asks nobody: no host, no cluster, no engine, no passphrase. The text comes
from the functions that a run uses (`components/parts.py`). Owns how secrets and what only a run knows are replaced by
their names. Does not own what a part puts on a host.
"""
