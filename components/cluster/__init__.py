"""What there is once per stack: provider, RBAC, kube-proxy's identity, and the one read of the API."""
