"""The sandbox: hosts, a control plane and tools that run on one machine, for trying and testing kubenode."""
