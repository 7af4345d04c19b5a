"""A few faults of tests/faults/run: the same bits, whatever happens.

Members are cut off where they can have network namespaces of their own;
elsewhere they are killed and stopped only, and the case says so.
"""

import os
import random
import shutil
import tempfile
import unittest

from tests.faults import campaign, hosts, report
from tests.integration.case_report import main

FAULTS = 8


class FaultsTest(unittest.TestCase):

    def run_campaign(self, job, namespaces):
        seed = random.SystemRandom().randrange(1 << 31)
        lines = [f"replay: tests/faults/run --job {job} --faults {FAULTS} "
                 f"--every 1 --lease 0.6 --seed {seed}"]
        directory = tempfile.mkdtemp(prefix="hawser-faults-")
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        result = campaign.Campaign(campaign.Settings(
            binaries=os.path.join(os.getcwd(), "bin"), job=job, seed=seed,
            faults=FAULTS, every=1, lease=0.6, limit=120,
            namespaces=namespaces), directory, lines.append).run()
        lines.append(report.text(result))
        print("\n".join(lines))
        self.assertEqual(result.problems, [])
        self.assertEqual(len(result.faults), FAULTS)

    def test_a_synchronous_job_is_cut_off_too(self):
        if hosts.missing():
            self.skipTest(f"nobody can be cut off: {hosts.missing()}")
        self.run_campaign("gpt", namespaces=True)

    def test_signals_alone(self):
        self.run_campaign("replicas", namespaces=False)


if __name__ == "__main__":
    main()
