"""Keys and certificates that pulumi-tls makes; the only importers of pulumi_tls."""
