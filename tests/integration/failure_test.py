"""Processes die, stop and leave in the middle of a job."""

import os
import signal

from tests.integration import harness

LONG = 400  # epochs of the small job: some seconds


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

    def disturbed(self, disturb, workers=2, more="", same_bits=True):
        expected = self.undisturbed() if same_bits else None
        with self.cluster(workers, 2, "--lease-ms", "600", "--heartbeat-ms",
                          "200"):
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
        self.disturbed(lambda: os.kill(self.processes("hawser-worker")[0],
                                       signal.SIGKILL), workers=3,
                       more="synchronisation { mode: ASYNCHRONOUS }",
                       same_bits=False)

    def test_a_killed_worker_that_others_wait_for(self):
        self.disturbed(lambda: os.kill(self.processes("hawser-worker")[0],
                                       signal.SIGKILL), workers=3,
                       more="synchronisation { mode: BOUNDED_STALENESS }"
                            "scheduling { policy: DYNAMIC }",
                       same_bits=False)

    def test_a_worker_that_leaves(self):
        self.disturbed(lambda: os.kill(self.processes("hawser-worker")[1],
                                       signal.SIGTERM))

    def test_a_worker_that_another_replaces(self):
        def disturb():
            os.kill(self.processes("hawser-worker")[0], signal.SIGKILL)
            os.kill(self.processes("hawser-worker")[0], signal.SIGKILL)
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


    def test_a_lost_server_fails_the_job_and_says_so(self):
        with self.cluster(2, 2):
            self.hawser("submit", self.job(epochs=100000, servers=2))
            self.await_step("small", 20)
            os.kill(self.processes("hawser-server")[0], signal.SIGTERM)
            self.hawser("wait", "small", code=1)
            job = self.hawser_json("job", "small")
            self.assertEqual(job["state"], "failed")
            self.assertIn("server", job["reason"])
        self.assert_nothing_left()


if __name__ == "__main__":
    harness.main()
