"""A host whose stack has lost its state: given back by its own record, `make release HOST=root@10.0.0.11`.

Owns the login and the question. Does not own what is undone: the host's record and its toolkit do. Reads neither state
nor configuration, and asks no cluster.
"""
