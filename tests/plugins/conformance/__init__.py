"""What a program can notice of the provider plugins, each behaviour stated once and driven through the real engine.

The tests see what pulumi prints and how it ends, the state, and what hosts and clusters saw; nothing of the sandbox's
own plugins. So they run unchanged with the official plugins (`KUBENODE_TOOLS=system`).

A module `test_<plugin>_<subject>.py` is one section of docs/plugins.md, and every test says its behaviour
(`tests/plugins/behaviours.py`).
"""
