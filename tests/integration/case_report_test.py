"""What the report says of each outcome, and what ./test counts of it."""

import io
import os
import subprocess
import sys
import unittest
import xml.etree.ElementTree

from tests.integration import case_report


class Sample(unittest.TestCase):
    """The outcomes that a method can have."""

    def passes(self):
        pass

    def fails(self):
        self.fail("<on purpose>")

    def breaks(self):
        raise RuntimeError("on purpose")

    def is_skipped(self):
        self.skipTest("needs <that> & 'this'")

    def has_a_failed_part(self):
        for number in range(3):
            with self.subTest(number=number):
                self.assertNotEqual(number, 1)

    def has_a_broken_part_and_a_skipped_one(self):
        with self.subTest("broken"):
            raise RuntimeError("on purpose")
        with self.subTest("skipped"):
            self.skipTest("not here")

    def has_good_parts(self):
        for number in range(3):
            with self.subTest(number=number):
                self.assertLess(number, 3)

    @unittest.expectedFailure
    def passes_unexpectedly(self):
        pass


EXPECTED = {"passes": None, "fails": "failure", "breaks": "failure",
            "is_skipped": "skipped", "has_a_failed_part": "failure",
            "has_a_broken_part_and_a_skipped_one": "failure",
            "has_good_parts": None, "passes_unexpectedly": "failure"}


class CaseReportTest(unittest.TestCase):

    def setUp(self):
        suite = unittest.TestSuite(Sample(name) for name in EXPECTED)
        result = unittest.TextTestRunner(
            stream=io.StringIO(), resultclass=case_report.CaseResult).run(suite)
        self.text = case_report.junit_xml(result.cases)

    def test_each_method_is_a_case_with_its_outcome(self):
        found = {}
        for case in xml.etree.ElementTree.fromstring(self.text).iter("testcase"):
            outcomes = [child.tag for child in case]
            self.assertLessEqual(len(outcomes), 1)
            found[case.get("name").rsplit(".", 1)[1]] = (
                outcomes[0] if outcomes else None)
        self.assertEqual(found, EXPECTED)

    def test_the_reason_to_skip_is_told(self):
        skipped = xml.etree.ElementTree.fromstring(self.text).find(".//skipped")
        self.assertEqual(skipped.get("message"), "needs <that> & 'this'")

    def test_it_is_counted_so(self):
        path = os.path.join(os.environ["TEST_TMPDIR"], "test.xml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.text)
        events = os.path.join(os.environ["TEST_TMPDIR"], "events.json")
        with open(events, "w", encoding="utf-8") as file:
            file.write('{"id": {"testResult": {"label": "//a:b"}}, "testResult":'
                       ' {"testActionOutput": [{"name": "test.xml", "uri":'
                       f' "file://{path}"}}]}}}}\n'
                       '{"id": {"testSummary": {"label": "//a:b"}},'
                       ' "testSummary": {"overallStatus": "FAILED"}}\n')
        counted = subprocess.run(
            [sys.executable, "third_party/count_tests", events, "3", "0"],
            check=False, capture_output=True, text=True)
        # The lint is a case, too, and has passed.
        self.assertEqual(counted.stdout.splitlines()[-1],
                         "3 passed, 5 failed, 1 skipped")
        self.assertEqual(counted.returncode, 1)


if __name__ == "__main__":
    case_report.main()
