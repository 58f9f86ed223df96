"""Identities of a node: how the kubelet and kube-proxy get the certificates they show to the API server.

This file imports nothing: the programs of `components.local` use what is pure in it without Pulumi.
"""
