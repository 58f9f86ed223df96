"""The plugins under the real engine: what ends up in state, on the screen and on the host."""

import pytest

from tests.plugins.controlplane import ControlPlane
from tests.plugins.engine import Project

pytestmark = pytest.mark.sandbox


def test_certificate_renewal_shows_in_preview(project: Project) -> None:
    program = """
        import pulumi, pulumi_tls as tls
        key = tls.PrivateKey("key", algorithm="ECDSA", ecdsa_curve="P256")
        ca = tls.SelfSignedCert("ca", private_key_pem=key.private_key_pem, is_ca_certificate=True,
            subject={"common_name": "ca"}, validity_period_hours=100, allowed_uses=["cert_signing"])
        request = tls.CertRequest("request", private_key_pem=key.private_key_pem,
            subject={"common_name": "w1"})
        tls.LocallySignedCert("cert", ca_cert_pem=ca.cert_pem, ca_private_key_pem=key.private_key_pem,
            cert_request_pem=request.cert_request_pem, validity_period_hours=10, early_renewal_hours=EARLY,
            allowed_uses=["client_auth"])
        """
    project.write(program.replace("EARLY", "2"))
    project.up()
    project.write(program.replace("EARLY", "10"))
    preview = project.preview()
    assert "+-tls:index/locallySignedCert:LocallySignedCert: (replace)" in preview
    assert "1 to replace" in preview
    assert "PRIVATE KEY" not in project.text_of_state()
    state = project.state()
    assert "ciphertext" in state["key"]["outputs"]["privateKeyPem"]
    assert "ciphertext" in state["cert"]["inputs"]["caPrivateKeyPem"]


def test_kubernetes_upsert_refresh_and_cluster_identifier(project: Project, cluster: ControlPlane) -> None:
    cluster.kubectl(
        "create", "-f", "-", stdin='{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "engine"}}'
    )
    project.environment["CLUSTER"] = cluster.kubeconfig
    program = """
        import os, pulumi, pulumi_kubernetes as k8s
        provider = k8s.Provider("p", kubeconfig=pulumi.Output.secret(os.environ["CLUSTER"]),
            cluster_identifier="one", upsert_existing_objects=True)
        options = pulumi.ResourceOptions(provider=provider)
        k8s.core.v1.Node("n", metadata={"name": "engine", "labels": {"a": "LABEL"}}, opts=options)
        k8s.core.v1.Secret("s", metadata={"name": "engine"}, string_data={"password": "hunter2"},
            opts=options)
        """
    project.write(program.replace("LABEL", "1"))
    project.up()
    assert project.state()["n"]["id"] == "engine"
    assert "hunter2" not in project.text_of_state()
    cluster.kubectl("label", "node", "engine", "foreign=1")
    project.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    # The same cluster behind another name.
    project.environment["CLUSTER"] = cluster.kubeconfig.replace("127.0.0.1", "localhost")
    project.write(program.replace("LABEL", "2"))
    preview = project.preview()
    assert "~ pulumi:providers:kubernetes: (update)" in preview
    assert '~ a: "1" => "2"' in preview
    assert "replace" not in preview
    project.environment["CLUSTER"] = cluster.kubeconfig
    project.up()
    project.destroy()
    assert not cluster.exists("node", "engine")
