"""The lines of docs/deploy.md that back up and restore a cluster, run in the
middle of a job."""

import re
import subprocess

from tests.integration import harness

PAGE = "docs/deploy.md"


def lines_after(phrase):
    """The next indented lines of the page after `phrase`."""
    with open(PAGE, encoding="utf-8") as file:
        text = file.read()
    found = re.search(r"\n\n((?:    .*\n)+)", text[text.index(phrase):])
    return found[1]


class BackupTest(harness.ClusterTest):

    def setUp(self):
        super().setUp()
        self.output = f"{self.directory}/output"
        self.members = []
        self.scheduler = None

    def start_scheduler(self):
        listen = self.environment.get("HAWSER_SCHEDULER", "127.0.0.1:0")
        port = f"{self.directory}/port"
        self.scheduler = self.start(
            "--listen", listen, "--state-dir", self.state, "--port-file", port,
            "--lease-ms", "2000", "--heartbeat-ms", "200",
            program="hawser-scheduler")
        self.await_that("a scheduler", lambda: subprocess.run(
            [f"{self.bin}/hawser", "nodes", "--scheduler",
             self.address_in(port)], capture_output=True, check=False,
            env=self.environment).returncode == 0)
        self.environment["HAWSER_SCHEDULER"] = self.address_in(port)

    @staticmethod
    def address_in(port):
        try:
            with open(port, encoding="utf-8") as file:
                return file.read() or "127.0.0.1:1"
        except FileNotFoundError:
            return "127.0.0.1:1"  # nobody is there

    def start_members(self):
        address = self.environment["HAWSER_SCHEDULER"]
        for program, *more in (
                ("hawser-server", "--output-root", self.output),
                ("hawser-worker", "--data-root", "/"),
                ("hawser-worker", "--data-root", "/")):
            self.members.append(self.start("--scheduler", address, *more,
                                           program=program))

    def stop(self, processes):
        for process in processes:
            process.terminate()
            process.communicate(timeout=harness.DEADLINE)
            self.assertEqual(process.returncode, 0)

    def run_page(self, phrase):
        done = subprocess.run(
            ["bash", "-euc", lines_after(phrase)], capture_output=True,
            text=True, check=False,
            env={"PATH": f"{self.bin}:/usr/bin:/bin", "STATE": self.state,
                 "OUTPUT": self.output, "BACKUP": f"{self.directory}/backup"})
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout)

    def finished(self, name):
        waiting = self.start("wait", name, "--timeout", "40")
        waiting.communicate(timeout=harness.DEADLINE)
        job = self.hawser_json("job", name)
        self.assertEqual(job["state"], "succeeded",
                         (job, self.hawser("logs", name)[0][-3000:]))
        return job

    def test_a_job_goes_on_from_a_backup(self):
        self.start_scheduler()
        self.start_members()
        self.hawser("submit", self.job(epochs=200, change=(
            "seed", "checkpoint { every_steps: 100 keep_last: 2 }\nseed")))
        self.await_step("small", 250)
        self.stop([self.scheduler])
        self.run_page("**back up**")
        self.start_scheduler()
        undisturbed = self.finished("small")

        self.stop([*self.members, self.scheduler])
        self.run_page("**Restore**")
        self.start_scheduler()
        state = self.hawser_json("job", "small")["state"]
        self.assertIn(state, ("running", "starting"))
        self.start_members()
        restored = self.finished("small")
        self.assertEqual(restored["parameters_sha256"],
                         undisturbed["parameters_sha256"])
        logs = self.hawser("logs", "small")[0]
        self.assertRegex(logs, r"rolled back to step [1-9]\d*00\b")
        self.stop([*self.members[3:], self.scheduler])
        self.assert_nothing_left()


if __name__ == "__main__":
    harness.main()
