"""Results as JUnit XML, which build servers read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from xml.etree import ElementTree as ET

from notifier.ruletest.report import failure_lines, trace_lines
from notifier.ruletest.trial import Trial
from notifier.ruletest.verdict import Verdict

__all__ = ["junit"]

#: What XML 1.0 cannot hold.
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(results: Sequence[tuple[Trial, Verdict]]) -> bytes:
    """One `testsuite` a file, one `testcase` a test; a failure holds all that people are told."""
    root = ET.Element("testsuites", _counts(results))
    for file in dict.fromkeys(trial.suite.file for trial, _ in results):
        mine = [(trial, verdict) for trial, verdict in results if trial.suite.file == file]
        suite = ET.SubElement(root, "testsuite", {"name": _clean(file), **_counts(mine)})
        for trial, verdict in mine:
            _case(suite, trial, verdict)
    ET.indent(root)
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def _case(suite: ET.Element, trial: Trial, verdict: Verdict) -> None:
    place = trial.case.place
    named = {"classname": _clean(place.file), "name": _clean(trial.case.name)}
    case = ET.SubElement(suite, "testcase", {**named, "file": _clean(place.file), "line": str(place.line)})
    if not verdict.passed:
        told = list(failure_lines(trial, verdict))
        failure = ET.SubElement(case, "failure", {"message": _clean(told[0])})
        failure.text = _clean("\n".join([*told, *trace_lines(trial, verdict)]))


def _counts(results: Iterable[tuple[Trial, Verdict]]) -> dict[str, str]:
    verdicts = [verdict.passed for _, verdict in results]
    return {"tests": str(len(verdicts)), "failures": str(verdicts.count(False)), "errors": "0"}


def _clean(text: str) -> str:
    return _UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", text)
