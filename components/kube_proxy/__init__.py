"""The kube-proxy of one node."""
