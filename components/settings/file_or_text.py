"""What stands in one of two keys: a value itself, or the file that holds it."""

from __future__ import annotations

from components.settings import sources
from components.settings.problems import Problem
from components.settings.report import Report


def file_or_text(
    report: Report,
    section: str,
    part: str,
    file: str | None,
    text: str | None,
    example: str,
    *,
    is_secret: bool,
) -> str | None:
    """The value of `part` of a section; None if there is none to be had. A file with a secret may be missing in a
    preview.
    """
    where = f"{section}.{part}"
    if (file is None) == (text is None):
        # One that is wrong itself is reported, and left out here.
        if not report.is_wrong(where, f"{where}File"):
            found = "both are given" if file else f"none is given, for example {part}File: {example}"
            report.refuse(where, f"expected exactly one of {part}File, {part}; {found}")
        return None
    if file is None:
        return text
    try:
        return sources.text_of(report.project_dir, file)
    except sources.SourceMissingError as error:
        if is_secret:
            report.missing.append(Problem(f"{where}File", str(error)))
        else:
            report.refuse(f"{where}File", str(error))
    except sources.SourceError as error:
        report.refuse(f"{where}File", str(error))
    return None
