"""Servers die whose blocks are on another server, too: nothing is rolled back."""

import os
import signal

from tests.integration import harness

LONG = 400  # epochs of the small job: some seconds


class ReplicaTest(harness.ClusterTest):

    def replicated(self, more=""):
        return self.job(epochs=LONG, servers=2, change=(
            "servers: 2 }", "servers: 2 replicas: 2 }\n" + more))

    def disturbed(self, disturb, servers=2, more="", same_bits=True):
        expected = same_bits and self.run_job(
            self.job(epochs=LONG))["parameters_sha256"]
        # Nobody is to be lost for want of a processor: both copies would be.
        with self.cluster(2, servers, "--lease-ms", "2000",
                          "--heartbeat-ms", "200"):
            self.hawser("submit", self.replicated(more))
            self.await_step("small", 50)
            before = self.hawser_json("job", "small")
            disturb()
            self.hawser("wait", "small", "--timeout", "100")
            job = self.hawser_json("job", "small")
            self.assertEqual(job["state"], "succeeded", job)
            self.assertGreater(job["incarnation"], before["incarnation"])
            log = self.hawser("logs", "small")[0]
            self.assertIn("the other copies of what it held take over", log)
            self.assertNotIn("rolled back", log)
            if same_bits:
                self.assertEqual(job["parameters_sha256"], expected)
            self.assertEqual([epoch["training"]["samples"]
                              for epoch in job["epochs_done"]], [300] * LONG)
            if "audit" in more:
                self.hawser("audit", "small")
        self.assert_nothing_left()

    def serving(self):
        """A process that serves the job; more may stand by."""
        return next(node["process"] for node in self.hawser_json("nodes")
                    if node["role"] == "server" and node["job"])

    def kill(self):
        os.kill(self.serving(), signal.SIGKILL)

    def test_a_killed_server_whose_partner_takes_over(self):
        self.disturbed(self.kill)

    def test_a_partner_is_filled_and_takes_over_in_its_turn(self):
        def disturb():
            self.kill()
            self.await_that("a new partner", lambda: "replicas are filled" in
                            self.hawser("logs", "small")[0])
            self.assertNotIn("pauses", self.hawser("logs", "small")[0])
            self.kill()
        self.disturbed(disturb, servers=3)

    def test_a_stopped_server_that_comes_back(self):
        def disturb():
            server = self.serving()
            before = self.hawser_json("job", "small")["incarnation"]
            os.kill(server, signal.SIGSTOP)
            self.await_that("a new incarnation", lambda: self.hawser_json(
                "job", "small")["incarnation"] > before)
            os.kill(server, signal.SIGCONT)
        self.disturbed(disturb)

    def on_arrival(self, mode):
        self.disturbed(
            self.kill, same_bits=False,
            more=f"synchronisation {{ mode: {mode} audit: true }}")

    def test_an_asynchronous_push_counts_once_though_its_server_is_killed(self):
        self.on_arrival("ASYNCHRONOUS")

    def test_a_push_of_bounded_staleness_counts_once(self):
        self.on_arrival("BOUNDED_STALENESS staleness: 2")

    def test_leases_go_on_at_the_partner(self):
        self.disturbed(self.kill,
                       more="scheduling { policy: DYNAMIC }")


if __name__ == "__main__":
    harness.main()
