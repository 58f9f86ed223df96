"""The kubelet of one node."""
