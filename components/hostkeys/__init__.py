"""Host keys of a stack's nodes: collected over the network, written into the configuration for review."""
