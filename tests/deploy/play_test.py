"""The manifests of deploy/kubernetes, played: pods train a job to its end while
every one of them is replaced."""

import subprocess

from tests.deploy import container, manifests
from tests.deploy.played import (LONG, SECONDS, SHORT, PlayedTest,
                                 change_worker)
from tests.integration import harness


def can_connect(netns, address, port):
    """Whether a process in that network gets a TCP connection."""
    return subprocess.run(
        [container.tool("nsenter"), f"--net=/run/netns/{netns}",
         "/usr/bin/python3", "-c", "import socket; socket.create_connection("
         f"('{address}', {port}), timeout=1)"],
        capture_output=True, check=False).returncode == 0


class PlayTest(PlayedTest):

    def test_a_job_outlives_a_rolling_restart_of_everything(self):
        objects = manifests.render("base")
        # So that the job is under way for long enough on any machine.
        change_worker(objects, "Deployment", "--micro-batch-delay-ms=2")
        self.start(objects)
        submit = self.submit(LONG)
        self.cluster.await_that("the job trains",
                                lambda: self.is_beyond("played", 100), SECONDS)
        for kind, name in (("StatefulSet", "hawser-server"),
                           ("StatefulSet", "hawser-scheduler"),
                           ("Deployment", "hawser-worker")):
            before = self.look("played")["step"]
            self.restart(kind, name)
            # A scheduler that starts is told by the members how far they are.
            self.cluster.await_that(
                "the job goes on", lambda: self.is_beyond("played", before),
                SECONDS)
            self.assertEqual(self.look("played")["state"], "running")
            self.assertNotIn("rolled back", self.job_log("played"))
        self.cluster.await_that("the job ends", submit.is_done, 2 * SECONDS)
        job = self.look("played")
        self.assertEqual(job["state"], "succeeded")
        self.assertEqual(job["parameters_sha256"], self.local_hash(LONG))

    def test_workers_of_an_indexed_job_leave_when_the_run_is_over(self):
        objects = manifests.render("overlays/worker-job")
        change_worker(objects, "Job", "--exit-when-idle-seconds=1")
        self.start(objects)
        submit = self.submit(SHORT)
        workers = self.cluster.workload("Job", "hawser-worker")
        self.cluster.await_that("the workers leave", workers.is_done, SECONDS)
        self.assertTrue(submit.is_done())
        self.assertEqual((workers.failures, submit.failures), ([], []))
        self.assertEqual(self.look("played")["parameters_sha256"],
                         self.local_hash(SHORT))

    def test_policies_let_through_what_is_needed_and_nothing_else(self):
        self.start(manifests.render("base"))
        server = self.cluster.pod("hawser-server-0")
        other = self.cluster.pod("hawser-server-1")
        scheduler = self.cluster.pod("hawser-scheduler-0")
        worker = next(pod for pod in self.cluster.pods()
                      if pod.name.startswith("hawser-worker"))
        stranger = self.cluster.add_stranger()
        for caller, peer, port, expected in (
                (worker.netns, server, 7071, True),
                (worker.netns, scheduler, 7070, True),
                (server.netns, scheduler, 7070, True),
                (server.netns, other, 7071, True),
                (scheduler.netns, server, 7071, False),
                (stranger, server, 7071, False),
                (stranger, scheduler, 7070, False)):
            with self.subTest(caller, to=peer.name):
                self.assertEqual(can_connect(caller, peer.address, port),
                                 expected)


if __name__ == "__main__":
    harness.main()
