"""What runs on the operator's machine: small programs around kubectl, each with the verbs apply and remove.

Owns everything that a node's life needs of the API and that no Pulumi resource can do: bootstrap tokens,
approving requests, taking a node out of service and back. Does not own hosts (nothing here opens an SSH
connection) nor the decision when to run: that is the graph of `components.node`. Imports no Pulumi.
"""
