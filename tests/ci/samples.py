"""What `pulumi preview --diff` of the pinned release prints, cut short."""

from __future__ import annotations

_HEAD = """\
Previewing update (prod):
  pulumi:pulumi:Stack: (same)
    [urn=urn:pulumi:prod::kubenode::pulumi:pulumi:Stack::kubenode-prod]
"""
_PROVIDER = "[provider=urn:pulumi:prod::kubenode::pulumi:providers:command::default_1_2_1::7e1edea3-0b2c]"

ONE_SETTING = f"""{_HEAD}\
    ~ command:remote:Command: (update)
        [id=worker-1-kubeletd745f80f]
        [urn=urn:pulumi:prod::kubenode::kubenode:index:Node$kubenode:index:Kubelet$command:remote:Command::worker-1-kubelet]
        {_PROVIDER}
      ~ stdin: 
            ...
            kubelet.yaml |   memory: 200Mi
          + kubelet.yaml | maxPods: 55
            kubelet.yaml | oomScoreAdj: 0
            ...
    ~ command:local:Command: (update)
        [id=worker-1-csr-approvalb2ca69f5]
        [urn=urn:pulumi:prod::kubenode::kubenode:index:Node$command:local:Command::worker-1-csr-approval]
        {_PROVIDER}
      ~ stdin: (json) {{
          ~ kubelet       : "aa5fd761b6c0" => "cdcbc3923d55"
            node          : "worker-1"
        }}
Resources:
    ~ 2 to update
    60 unchanged
"""  # noqa: W291 - pulumi's own blank

DRAINED = f"""{_HEAD}\
    ~ command:local:Command: (update)
        [id=worker-2-out-of-serviceb2ca69f5]
        [urn=urn:pulumi:prod::kubenode::kubenode:index:Node$command:local:Command::worker-2-out-of-service]
        {_PROVIDER}
      ~ stdin: (json) {{
          ~ digest        : "0a1b" => "2c3d"
            node          : "worker-2"
        }}
Resources:
    ~ 1 to update
    61 unchanged
"""

REMOVED = f"""{_HEAD}\
    - command:local:Command: (delete)
        [id=worker-3-in-serviceb2ca69f5]
        [urn=urn:pulumi:prod::kubenode::kubenode:index:Node$command:local:Command::worker-3-in-service]
        {_PROVIDER}
Resources:
    - 1 to delete
    61 unchanged
"""

UNCHANGED = """\
Previewing update (prod):

    pulumi:pulumi:Stack kubenode-prod
Resources:
    65 unchanged
"""
