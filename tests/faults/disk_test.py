"""Disks that are full, read-only and torn under real processes."""

import contextlib
import os
import random
import signal

from tests.faults import file_system
from tests.integration import harness

EPOCHS = 60  # of the small job, of 10 steps
# A micro-batch waits so long, so that there is time for a disk to fail and to
# recover, however fast the machine.
PACE_MS = "2"


class DiskTest(harness.ClusterTest):

    undisturbed = None  # all tests run the same job

    def setUp(self):
        super().setUp()
        if file_system.missing():
            self.skipTest(f"no file systems here: {file_system.missing()}")
        self.output = f"{self.directory}/output"

    def checkpointed(self):
        return self.job(epochs=EPOCHS, servers=2, change=(
            "seed", "checkpoint { every_epochs: 5 keep_last: 2 }\nseed"))

    # --- Daemons ---

    def start_scheduler(self, listen, *more):
        port = f"{self.directory}/port"
        if os.path.exists(port):
            os.remove(port)
        self.scheduler = self.start(
            "--listen", listen, "--state-dir", self.state, "--port-file", port,
            *more, program="hawser-scheduler")
        self.await_that("a scheduler", lambda: os.path.exists(port) and
                        os.path.getsize(port))
        with open(port, encoding="utf-8") as file:
            self.environment["HAWSER_SCHEDULER"] = file.read()

    def start_member(self, program, *arguments):
        self.members.append(self.start(
            "--scheduler", self.environment["HAWSER_SCHEDULER"], *arguments,
            program=program))

    @contextlib.contextmanager
    def daemons(self, servers, *flags):
        """With two workers; all that lives must end well."""
        self.members = []
        self.start_scheduler("127.0.0.1:0", *flags)
        for _ in range(servers):
            self.start_member("hawser-server", "--output-root", self.output)
        for _ in range(2):
            self.start_member("hawser-worker", "--data-root", "/",
                              "--micro-batch-delay-ms", PACE_MS)
        yield
        for process in [*self.members, self.scheduler]:
            process.terminate()
            process.communicate(timeout=harness.DEADLINE)
            self.assertIn(process.returncode, (0, -signal.SIGKILL))
        self.environment.pop("HAWSER_SCHEDULER")

    # --- The job ---

    def expected(self, path):
        if DiskTest.undisturbed is None:
            DiskTest.undisturbed = self.run_job(path)["parameters_sha256"]
        return DiskTest.undisturbed

    def job_status(self):
        return self.hawser_json("job", "small")

    def await_status(self, what, condition):
        def reached():
            status = self.job_status()
            self.assertNotIn(status["state"], ("failed", "cancelled"), status)
            return status if condition(status) else None
        return self.await_that(what, reached)

    def suffer(self, disk, begin, end):
        """Checkpoints fail between begin() and end(), and nothing else does."""
        path = self.checkpointed()
        expected = self.expected(path)
        with disk:
            with self.daemons(servers=2):
                self.hawser("submit", path)
                self.await_status("a checkpoint",
                                  lambda job: job["checkpoint_step"] > 0)
                begin()
                failed = self.await_status(
                    "one that fails", lambda job: job["checkpoints_failed"])
                self.assertIn("the job goes on without it",
                              self.hawser("logs", "small")[0])
                self.await_status("steps all the same", lambda job:
                                  job["step"] > failed["step"])
                end()
                self.await_status("another checkpoint", lambda job:
                                  job["checkpoint_step"] > failed["step"])
                self.hawser("wait", "small", "--timeout", "100")
                job = self.job_status()
                self.assertEqual(job["state"], "succeeded", job)
                self.assertEqual(job["parameters_sha256"], expected)
                self.hawser("verify", f"{self.output}/small")
        self.assert_nothing_left()

    def test_a_full_disk_costs_checkpoints_alone(self):
        disk = file_system.Small(self.output, mib=4)
        self.suffer(disk, disk.fill, disk.make_room)

    def test_a_disk_that_is_full_in_the_middle_of_a_file(self):
        disk = file_system.Small(self.output, mib=4)
        self.suffer(disk, lambda: disk.fill(leave=8192), disk.make_room)

    def test_a_read_only_disk_costs_checkpoints_alone(self):
        disk = file_system.Small(self.output, mib=4)
        self.suffer(disk, lambda: disk.set_read_only(True),
                    lambda: disk.set_read_only(False))

    def test_nothing_acknowledged_is_lost_on_a_full_journal(self):
        path = self.checkpointed()
        expected = self.expected(path)
        with (file_system.Small(self.state, mib=2) as disk,
              self.daemons(servers=2)):
            self.hawser("submit", path)
            self.await_step("small", 50)
            disk.fill()
            accepted, refused = ["small"], None
            while refused is None:
                name = f"waits-{len(accepted)}"
                process = self.start("submit", self.job(name, workers=9))
                _, err = process.communicate(timeout=harness.DEADLINE)
                if process.returncode == 0:
                    accepted.append(name)
                else:
                    refused = (process.returncode, name, err)
            self.assertEqual(refused[0], 3, refused)
            self.assertIn("journal", refused[2])
            self.scheduler.kill()
            self.scheduler.communicate()
            disk.make_room()
            self.start_scheduler(self.environment["HAWSER_SCHEDULER"])
            there = {job["name"] for job in self.hawser_json("jobs")}
            self.assertEqual(there, set(accepted))
            self.hawser("submit", self.job(refused[1], workers=9))
            self.hawser("wait", "small", "--timeout", "100")
            job = self.job_status()
            self.assertEqual(job["state"], "succeeded", job)
            self.assertEqual(job["parameters_sha256"], expected)

    def test_a_checkpoint_that_is_torn_is_passed_over(self):
        """Its files are cut off at any length when their server dies."""
        rng = random.Random(7)
        path = self.checkpointed()
        expected = self.expected(path)
        with self.daemons(3, "--lease-ms", "600", "--heartbeat-ms", "200"):
            self.hawser("submit", path)
            self.await_status("two checkpoints", lambda job:
                              job["checkpoint_step"] >= 100)
            for server in self.processes("hawser-server"):
                os.kill(server, signal.SIGSTOP)
            newest = f"{self.output}/small/step-{self.newest()}"
            name = rng.choice([name for name in os.listdir(newest)
                               if name.startswith("server-")])
            os.truncate(f"{newest}/{name}", rng.randrange(
                os.path.getsize(f"{newest}/{name}")))
            out, _ = self.hawser("verify", newest, code=1)
            self.assertIn(name, out)
            servers = self.processes("hawser-server")
            os.kill(servers[0], signal.SIGKILL)
            os.kill(servers[1], signal.SIGKILL)
            for server in servers[2:]:
                os.kill(server, signal.SIGCONT)
            for _ in range(2):
                self.start_member("hawser-server", "--output-root", self.output)
            self.hawser("wait", "small", "--timeout", "100")
            job = self.job_status()
            self.assertEqual(job["state"], "succeeded", job)
            self.assertEqual(job["parameters_sha256"], expected)
            log = self.hawser("logs", "small")[0]
            self.assertTrue([line for line in log.splitlines()
                             if f"{name}: " in line], name)
        self.assert_nothing_left()

    def newest(self):
        """The step of the newest checkpoint that has a manifest."""
        return max(int(entry.split("-")[1])
                   for entry in os.listdir(f"{self.output}/small")
                   if os.path.exists(
                       f"{self.output}/small/{entry}/manifest.json"))


if __name__ == "__main__":
    if file_system.missing() is None:
        file_system.enter()
    harness.main()
