"""unittest.main with a JUnit XML case for each method, for Bazel and ./test.

A method is failed if any of its subTests is, and skipped if it says so: what
was skipped never counts as passed.
"""

import os
import sys
import unittest
import xml.sax.saxutils

PASSED, SKIPPED, FAILED = "passed", "skipped", "failed"


class CaseResult(unittest.TextTestResult):
    """Remembers the outcome of each method as (name, outcome, reason)."""

    def __init__(self, *arguments, **settings):
        super().__init__(*arguments, **settings)
        self.cases = []
        self._outcome = PASSED
        self._reason = ""

    def startTest(self, test):
        self._outcome, self._reason = PASSED, ""
        super().startTest(test)

    def addError(self, test, err):
        self._outcome = FAILED
        super().addError(test, err)

    def addFailure(self, test, err):
        self._outcome = FAILED
        super().addFailure(test, err)

    def addUnexpectedSuccess(self, test):
        self._outcome = FAILED
        super().addUnexpectedSuccess(test)

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self._outcome = FAILED
        super().addSubTest(test, subtest, err)

    def addSkip(self, test, reason):
        if self._outcome != FAILED:
            self._outcome, self._reason = SKIPPED, reason
        super().addSkip(test, reason)

    def stopTest(self, test):
        self.cases.append((test.id(), self._outcome, self._reason))
        super().stopTest(test)


def junit_xml(cases):
    """The report of the cases that a CaseResult remembers."""
    lines = ["<testsuites><testsuite name='integration'>"]
    for name, outcome, reason in cases:
        inner = {PASSED: "",
                 FAILED: "<failure message='see the log'/>",
                 SKIPPED: "<skipped message="
                          f"{xml.sax.saxutils.quoteattr(reason)}/>"}[outcome]
        lines.append(f"<testcase name={xml.sax.saxutils.quoteattr(name)} "
                     f"classname='integration'>{inner}</testcase>")
    return "\n".join([*lines, "</testsuite></testsuites>", ""])


def main():
    suite = unittest.defaultTestLoader.loadTestsFromModule(
        sys.modules["__main__"])
    result = unittest.TextTestRunner(resultclass=CaseResult,
                                     verbosity=2).run(suite)
    report = os.environ.get("XML_OUTPUT_FILE")
    if report:
        with open(report, "w", encoding="utf-8") as file:
            file.write(junit_xml(result.cases))
    sys.exit(not result.wasSuccessful())
