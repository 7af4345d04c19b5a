"""The commands of docs/operations.md, run as they stand there while a job
trains. `systemctl` is a stand-in that starts and stops this cluster's own
daemons; all else is real."""

import os
import re
import shutil
import stat
import subprocess

from tests.integration import harness
from tests.integration.secure_cluster import SecureClusterTest

PAGE = "docs/operations.md"
EPOCHS = 400
# A unit's daemon runs with the words of the file UNIT, one a line, and has
# its number in UNIT.pid.
SYSTEMCTL = """#!/bin/bash
set -euo pipefail
cd {units}
action=$1
shift
for unit in "$@"; do
  if [[ $action != start ]]; then
    kill "$(cat "$unit".pid)"
    while kill -0 "$(cat "$unit".pid)" 2>/dev/null; do sleep 0.05; done
  fi
  if [[ $action != stop ]]; then
    mapfile -t command <"$unit"
    setsid "${{command[@]}}" </dev/null >>"$unit".log 2>&1 &
    echo $! >"$unit".pid
  fi
done
"""


def blocks():
    """[(heading, commands)] of the page."""
    found = []
    heading = ""
    with open(PAGE, encoding="utf-8") as file:
        for part in re.finditer(r"^## ([^\n]*)$|^```bash\n(.*?)^```$",
                                file.read(), re.MULTILINE | re.DOTALL):
            if part[1]:
                heading = part[1]
            else:
                found.append((heading, part[2]))
    return found


class OperationsTest(SecureClusterTest):

    def setUp(self):
        super().setUp()
        if shutil.which("openssl") is None:
            self.skipTest("openssl is not installed")
        self.units = f"{self.directory}/units"
        self.output = f"{self.directory}/output"
        os.mkdir(self.units)
        self.write_program("systemctl", SYSTEMCTL.format(units=self.units))

    def write_program(self, name, text):
        path = self.write(f"bin/{name}", text)
        os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)

    # --- Daemons ---

    def write_unit(self, role, *arguments):
        self.write(f"units/hawser-{role}", "\n".join(
            [f"{self.bin}/hawser-{role}", "--tls-dir", f"{self.certs}/{role}",
             *arguments]) + "\n")

    def start_units(self):
        tokens = ("--tokens-file", f"{self.certs}/tokens")
        http = f"{self.directory}/http"
        port = f"{self.directory}/port"
        scheduler = ("--state-dir", self.state, "--output-root", self.output,
                     "--port-file", port, *tokens)
        self.write_unit("scheduler", *scheduler, "--listen", "127.0.0.1:0",
                        "--http-listen", "127.0.0.1:0", "--http-port-file",
                        http)
        self.run_bash("systemctl start hawser-scheduler")
        self.await_that("a scheduler", lambda: os.path.exists(port) and
                        os.path.getsize(port) != 0)
        with open(port, encoding="utf-8") as file:
            self.environment["HAWSER_SCHEDULER"] = address = file.read()
        with open(http, encoding="utf-8") as file:
            self.environment["HTTP"] = file.read()
        # As a unit's configuration has it: at the same address every time.
        self.write_unit("scheduler", *scheduler, "--listen", address,
                        "--http-listen", self.environment["HTTP"])
        self.as_client()
        self.add_token("admin", "operator")
        self.environment["HAWSER_TOKEN_FILE"] = (
            f"{self.directory}/operator.token")
        self.write_unit("server", "--scheduler", address, "--token-file",
                        self.token("server"), *tokens, "--output-root",
                        self.output, "--drain-seconds", "30")
        self.write_unit("worker", "--scheduler", address, "--token-file",
                        self.token("worker"), "--data-root", "/",
                        "--micro-batch-delay-ms", "2")
        self.run_bash("systemctl start hawser-server")
        self.await_that("a server", lambda: len(self.nodes()) == 1)
        [node] = self.nodes().values()
        self.run_bash("systemctl start hawser-worker")
        # Another machine: the same words, and no unit.
        for role in ("server", "worker"):
            with open(f"{self.units}/hawser-{role}", encoding="utf-8") as file:
                words = file.read().splitlines()
            self.start_daemon(role, *words[1:])
        self.await_that("all", lambda: len(self.nodes()) == 4)
        self.environment.update(
            CERTS=self.certs, STATE=self.state, OUTPUT=self.output,
            JOB="small", NODE=str(node["node"]),
            PATH=f"{self.bin}:{os.environ['PATH']}")

    def run_bash(self, commands):
        done = subprocess.run(
            ["bash", "-euc", commands], cwd=self.directory, check=False,
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=3 * harness.DEADLINE, env=dict(
                self.environment, PATH=f"{self.bin}:{os.environ['PATH']}"))
        self.assertEqual(done.returncode, 0,
                         f"{commands}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def tearDown(self):
        for daemon in self.daemons:
            daemon.kill()
            daemon.communicate()
        super().tearDown()

    def holders(self):
        """How many servers have blocks of the job."""
        job = self.hawser_json("job", "small", "--placement")
        return len({block["server"] for block in job["placement"]})

    # --- The page ---

    def test_the_page_is_right(self):
        job = self.job(epochs=EPOCHS, servers=1, change=(
            "seed", "checkpoint { every_steps: 200 keep_last: 2 }\nseed"))
        self.start_units()
        self.hawser("submit", job)
        self.await_step("small", 250)
        found = blocks()
        self.assertGreater(len(found), 12)
        for heading, commands in found:
            with self.subTest(heading):
                self.run_bash(commands)
                if heading == "Restart the scheduler":
                    self.await_that("all are back", lambda: (
                        "3 of 3 members are back" in
                        self.hawser("logs", "small")[0]))
                if heading == "Give a running job more servers":
                    self.await_that("two servers have blocks",
                                    lambda: self.holders() == 2)
        self.await_that("all are back", lambda: len(self.nodes()) == 4)
        ended = self.hawser_json("job", "small")
        self.assertEqual(ended["state"], "succeeded")
        self.assertNotIn("rolled back", self.hawser("logs", "small")[0])
        self.assertEqual(ended["parameters_sha256"], self.undisturbed(job))
        self.run_bash("systemctl stop hawser-worker hawser-server "
                      "hawser-scheduler")


if __name__ == "__main__":
    harness.main()
