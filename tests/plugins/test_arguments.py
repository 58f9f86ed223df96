"""What a preview shows of an argument that changes: the line, and a few around it. Of JSON it would show everything."""

from __future__ import annotations

import re

from tests.plugins.engine import Project
from tests.plugins.test_program_end import ROOT

_PROGRAM = f"""\
import sys
sys.path.insert(0, {str(ROOT)!r})
import json
from pulumi_command import local
from components.local.arguments import HEADER
arguments = {{f"field{{n}}": "same" for n in range(10, 40)}}
arguments["inner"] = {{"a": "same", "field25": "VALUE"}}
local.Command("asked", create="true", update="true", stdin=f"{{HEADER}}\\n" + json.dumps(arguments, indent=1))
"""


def test_only_the_line_that_changes_and_what_is_around_it(project: Project) -> None:
    project.write(_PROGRAM.replace("VALUE", "old"))
    project.up()
    project.write(_PROGRAM.replace("VALUE", "new"))
    said = project.preview()
    assert re.findall(r'^ +([-+]) +("field25": "\w+")', said, re.MULTILINE) == [
        ("-", '"field25": "old"'),
        ("+", '"field25": "new"'),
    ]
    assert said.count('": "same"') <= 6


def test_of_json_everything_is_shown(project: Project) -> None:
    """Shows that the test above would notice."""
    text = _PROGRAM.replace('f"{HEADER}\\n" + ', "")
    assert text != _PROGRAM
    project.write(text.replace("VALUE", "old"))
    project.up()
    project.write(text.replace("VALUE", "new"))
    assert len(re.findall(r'field\d\d *: "same"', project.preview())) == 30
