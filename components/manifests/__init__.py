"""`make calico-manifest`: fetches the manifests that a stack names, for review; no part of a run."""
