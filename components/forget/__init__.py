"""A node whose host is gone: out of the cluster and out of the state, `make forget NODE=worker-1`.

Asks the API and the state, and never logs in to the host. Does not own what is deleted in the cluster
(`components/local/lost_node.py`). Why a command, and no word in the configuration: docs/decisions/forget-by-command.md.
"""
