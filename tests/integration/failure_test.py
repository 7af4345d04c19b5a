"""Processes die, stop and leave in the middle of a job."""

import glob
import os
import re
import signal

from tests.integration import harness

LONG = 400  # epochs of the small job: some seconds
CHECKPOINTS = "checkpoint { every_epochs: 15 }"


class FailureTest(harness.ClusterTest):

    def undisturbed(self):
        return self.run_job(self.job(epochs=LONG))["parameters_sha256"]

    def finish(self, expected=None):
        self.hawser("wait", "small", "--timeout", "100")
        job = self.hawser_json("job", "small")
        self.assertEqual(job["state"], "succeeded", job)
        if expected is not None:
            self.assertEqual(job["parameters_sha256"], expected)
        for part, samples in (("training", 300), ("validation", 100)):
            self.assertEqual([epoch[part]["samples"]
                              for epoch in job["epochs_done"]],
                             [samples] * LONG)

    def busy_worker(self):
        """The process of one that has work; others stand by."""
        return next(node["process"] for node in self.hawser_json("nodes")
                    if node["role"] == "worker" and node["job"])

    def disturbed(self, disturb, workers=2, servers=2, more="",
                  same_bits=True):
        expected = self.undisturbed() if same_bits else None
        with self.cluster(workers, servers, "--lease-ms", "600",
                          "--heartbeat-ms", "200"):
            self.hawser("submit", self.job(epochs=LONG, servers=2, change=(
                "seed", more + "\nseed")))
            self.await_step("small", 50)
            before = self.hawser_json("job", "small")["incarnation"]
            late = disturb()
            self.finish(expected)
            # It was still running when it was disturbed.
            self.assertGreater(
                self.hawser_json("job", "small")["incarnation"], before)
            if late is not None:
                late.terminate()
                late.communicate(timeout=harness.DEADLINE)
        self.assert_nothing_left()

    def test_a_killed_worker(self):
        self.disturbed(lambda: os.kill(self.processes("hawser-worker")[0],
                                       signal.SIGKILL))

    def test_a_killed_worker_that_leases_its_work(self):
        self.disturbed(lambda: os.kill(self.processes("hawser-worker")[0],
                                       signal.SIGKILL),
                       more="scheduling { policy: DYNAMIC }")

    def test_a_killed_worker_of_an_asynchronous_job(self):
        self.disturbed(lambda: os.kill(self.busy_worker(), signal.SIGKILL),
                       workers=3,
                       more="synchronisation { mode: ASYNCHRONOUS }",
                       same_bits=False)

    def test_a_killed_worker_that_others_wait_for(self):
        self.disturbed(lambda: os.kill(self.busy_worker(), signal.SIGKILL),
                       workers=3,
                       more="synchronisation { mode: BOUNDED_STALENESS }"
                            "scheduling { policy: DYNAMIC }",
                       same_bits=False)

    def test_a_worker_that_leaves(self):
        self.disturbed(lambda: os.kill(self.processes("hawser-worker")[1],
                                       signal.SIGTERM))

    def test_a_worker_that_another_replaces(self):
        def disturb():
            # One of two of them has work, at least.
            for worker in self.processes("hawser-worker")[:2]:
                os.kill(worker, signal.SIGKILL)
        self.disturbed(disturb, workers=3)

    def test_a_stopped_worker_that_comes_back(self):
        def disturb():
            worker = self.processes("hawser-worker")[0]
            os.kill(worker, signal.SIGSTOP)
            before = self.hawser_json("job", "small")["incarnation"]
            self.await_that(
                "a new incarnation", lambda: self.hawser_json(
                    "job", "small")["incarnation"] > before)
            os.kill(worker, signal.SIGCONT)
        self.disturbed(disturb)

    def test_all_workers_lost_and_a_new_one(self):
        def disturb():
            for worker in self.processes("hawser-worker"):
                os.kill(worker, signal.SIGKILL)
            self.await_that("waits for a worker", lambda: "worker" in
                            self.hawser_json("job", "small")["reason"])
            return self.start("--scheduler", self.address(), "--data-root",
                              "/", program="hawser-worker")
        self.disturbed(disturb)

    # --- Servers: the job is rolled back, and ends with the same bits ---

    def server(self):
        """Another one, with the cluster's output root."""
        return self.start("--scheduler", self.address(),
                          program="hawser-server")

    def await_checkpoint(self):
        self.await_that("a checkpoint", lambda: self.hawser_json(
            "job", "small")["checkpoint_step"] > 0)

    def await_waiting(self):
        """Until the job waits for a server; the step it goes on from."""
        def reason():
            reason = self.hawser_json("job", "small")["reason"]
            return reason if "waits for a server" in reason else None
        reason = self.await_that("waits for a server", reason)
        return int(reason.rsplit(" ", 1)[1])

    def rolled_back_to(self):
        return [int(step) for step in re.findall(
            r"rolled back to step (\d+)", self.hawser("logs", "small")[0])]

    def kill_a_server(self, number=0):
        os.kill(self.processes("hawser-server")[number], signal.SIGKILL)

    def test_a_killed_server_that_starts_again(self):
        def disturb():
            self.await_checkpoint()
            self.kill_a_server()
            self.assertGreater(self.await_waiting(), 0)
            return self.server()
        self.disturbed(disturb, more=CHECKPOINTS)

    def test_a_killed_server_whose_place_another_takes(self):
        def disturb():
            self.await_checkpoint()
            serving = [node["process"] for node in self.hawser_json("nodes")
                       if node["role"] == "server" and node["job"]]
            os.kill(serving[0], signal.SIGKILL)
        self.disturbed(disturb, servers=3, more=CHECKPOINTS)

    def test_a_killed_server_before_any_checkpoint(self):
        def disturb():
            self.kill_a_server()
            self.assertEqual(self.await_waiting(), 0)
            return self.server()
        self.disturbed(disturb)

    def test_a_killed_server_of_an_asynchronous_job(self):
        def disturb():
            self.await_checkpoint()
            self.kill_a_server(1)
            return self.server()
        self.disturbed(disturb, more=CHECKPOINTS +
                       "synchronisation { mode: ASYNCHRONOUS }",
                       same_bits=False)

    def test_a_stopped_server_that_comes_back(self):
        def disturb():
            self.await_checkpoint()
            server = self.processes("hawser-server")[0]
            os.kill(server, signal.SIGSTOP)
            self.await_waiting()
            os.kill(server, signal.SIGCONT)
        self.disturbed(disturb, more=CHECKPOINTS)

    def test_a_server_and_a_worker_at_once(self):
        def disturb():
            self.await_checkpoint()
            self.kill_a_server()
            os.kill(self.processes("hawser-worker")[0], signal.SIGKILL)
            return self.server()
        self.disturbed(disturb, more=CHECKPOINTS)

    def test_a_damaged_checkpoint_is_passed_over(self):
        def disturb():
            self.await_checkpoint()
            self.kill_a_server()
            newest = self.await_waiting()
            for path in glob.glob(f"{self.directory}/hawser-output/small/"
                                  f"step-{newest}/server-1-*"):
                with open(path, "r+b") as file:
                    file.seek(-1, os.SEEK_END)
                    last = file.read(1)[0]
                    file.seek(-1, os.SEEK_END)
                    file.write(bytes([last ^ 1]))
            late = self.server()
            self.await_that("another roll-back", lambda: len(
                self.rolled_back_to()) == 2)
            self.assertEqual(self.rolled_back_to()[0], newest)
            self.assertLess(self.rolled_back_to()[1], newest)
            self.assertIn("is damaged", self.hawser("logs", "small")[0])
            return late
        self.disturbed(disturb, more=CHECKPOINTS)


if __name__ == "__main__":
    harness.main()
