"""Objects of the cluster as Pulumi resources; the only importers of pulumi_kubernetes."""
