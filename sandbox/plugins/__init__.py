"""The sandbox's own Pulumi provider plugins: command, tls and kubernetes.

They stand in for the official plugins where those cannot be downloaded, and behave as the official ones do
for everything that the program uses. They do not own the types: the official SDK packages are used unchanged,
so a stack can move between the two sets.
"""

from typing import Final

# What the official SDK packages in requirements.txt ask for.
VERSIONS: Final = {"command": "1.2.1", "kubernetes": "4.34.2", "tls": "5.6.2"}
