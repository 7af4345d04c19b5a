"""The units of deploy/systemd, judged by systemd's own tools."""

import os
import re
import subprocess
import tempfile
import unittest

from tests.deploy import container
from tests.integration import harness

DIRECTORY = "deploy/systemd"
DAEMONS = ("scheduler", "server", "worker")
EXPOSURE_LIMIT = 2.0  # of 10, as `systemd-analyze security` counts


def read(name):
    with open(f"{DIRECTORY}/{name}", encoding="utf-8") as file:
        return file.read()


class SystemdTest(unittest.TestCase):

    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.addCleanup(self.temporary.cleanup)
        self.units = []
        for daemon in DAEMONS:
            unit = f"{self.temporary.name}/hawser-{daemon}.service"
            text = read(f"hawser-{daemon}.service")
            # Programs are looked for.
            self.assertIn(f"ExecStart=/usr/bin/hawser-{daemon} ", text)
            with open(unit, "w", encoding="utf-8") as file:
                file.write(text.replace("/usr/bin/", f"{os.getcwd()}/bin/"))
            self.units.append(unit)

    def analyze(self, *arguments):
        if container.tool("systemd-analyze") is None:
            self.skipTest("systemd-analyze is not installed")
        return subprocess.run([container.tool("systemd-analyze"), *arguments],
                              capture_output=True, text=True, check=False)

    def test_the_units_are_valid(self):
        done = self.analyze("verify", "--man=no", *self.units)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_little_is_exposed(self):
        for unit in self.units:
            done = self.analyze("security", "--offline=yes", "--no-pager",
                                unit)
            found = re.search(r"exposure level for \S+: ([0-9.]+)",
                              done.stdout)
            self.assertIsNotNone(found, done.stdout + done.stderr)
            self.assertLess(float(found[1]), EXPOSURE_LIMIT)

    def test_a_server_has_time_to_drain(self):
        seconds = int(re.search(r"drain-seconds = (\d+)",
                                read("server.conf"))[1])
        stop = int(re.search(r"TimeoutStopSec=(\d+)",
                             read("hawser-server.service"))[1])
        self.assertGreater(stop, seconds)

    def test_units_and_settings_name_the_same_places(self):
        for daemon in DAEMONS:
            unit = read(f"hawser-{daemon}.service")
            settings = dict(re.findall(r'^([a-z-]+) = "(.*)"$',
                                       read(f"{daemon}.conf"), re.MULTILINE))
            self.assertIn(f"--config /etc/hawser/{daemon}.conf\n", unit)
            if "state-dir" in settings:
                directory = re.search(r"StateDirectory=(.*)", unit)[1]
                self.assertEqual(settings["state-dir"],
                                 f"/var/lib/{directory}")
            if "output-root" in settings:
                self.assertIn(f"ReadWritePaths={settings['output-root']}\n",
                              unit)
            if "data-root" in settings:
                self.assertIn(f"ReadOnlyPaths={settings['data-root']}\n", unit)


if __name__ == "__main__":
    harness.main()
