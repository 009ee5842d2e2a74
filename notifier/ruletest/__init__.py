"""Rule tests: what is known, what happens, and what is to be sent, in YAML; run by the engine itself on a clock of its own.

suites = load(project, rulebook.test_files(project.root))
for suite in suites:
    stand = Stand(suite)
    for case in suite.cases:
        verdict = judge(stand.run(case))
"""

from notifier.ruletest.case import Case, Suite
from notifier.ruletest.coverage import Coverage, Item
from notifier.ruletest.junit import junit
from notifier.ruletest.reading import load
from notifier.ruletest.report import failure_lines, record, trace_lines
from notifier.ruletest.trial import Stand, Trial
from notifier.ruletest.verdict import Verdict, judge

__all__ = [
    "Case", "Coverage", "Item", "Stand", "Suite", "Trial", "Verdict", "failure_lines", "judge", "junit", "load", "record",
    "trace_lines",
]  # fmt: skip
