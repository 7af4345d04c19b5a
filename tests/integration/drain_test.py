"""Machines are taken out of a cluster, and put in, in the middle of a job."""

import os
import signal

from tests.integration import harness

LONG = 400  # epochs of the small job: some seconds
BLOCK_ELEMENTS = 256  # of the small job


class DrainTest(harness.ClusterTest):

    def nodes(self, role):
        return {node["process"]: node for node in self.hawser_json("nodes")
                if node["role"] == role}

    def drain(self, node, *arguments):
        return self.hawser_json("drain", str(node), *arguments)

    def held(self, name="small"):
        """Parameters by the number of the server that holds them."""
        out, _ = self.hawser("job", name, "--placement")
        held = {}
        for line in out.splitlines():
            if line[:1].isdigit():  # of the table of blocks
                *_, elements, server, _ = line.split()
                held[int(server)] = held.get(int(server), 0) + int(elements)
        return held

    def moved(self, move, workers=2, servers=2, more="", same_bits=True):
        job = self.job(epochs=LONG, servers=2,
                       change=("seed", more + "\nseed"))
        expected = None
        if same_bits:
            expected = self.run_job(job)["parameters_sha256"]
        with self.cluster(workers, servers):
            self.hawser("submit", job)
            self.await_step("small", 50)
            late = move()
            self.hawser("wait", "small", "--timeout", "100")
            status = self.hawser_json("job", "small")
            self.assertEqual(status["state"], "succeeded", status)
            if same_bits:
                self.assertEqual(status["parameters_sha256"], expected)
            self.assertEqual([epoch["training"]["samples"]
                              for epoch in status["epochs_done"]],
                             [300] * LONG)
            if "audit" in more:
                self.hawser("audit", "small")
            if late is not None:
                late.terminate()
                late.communicate(timeout=harness.DEADLINE)
        self.assert_nothing_left()

    def out_of_the_cluster(self, role):
        """Drains one that works, and stops it."""
        held = self.held()
        process, node = next(
            (process, node) for process, node in self.nodes(role).items()
            if role == "worker" or node["node"] in held)
        before = self.hawser_json("job", "small")["step"]
        drained = self.drain(node["node"], "--wait")
        self.assertEqual(drained["state"], "drained", drained)
        self.assertEqual(drained["job"], "")
        self.assertNotIn(node["node"], self.held())
        os.kill(process, signal.SIGKILL)
        self.await_step("small", before + 20)

    def test_a_drained_server(self):
        self.moved(lambda: self.out_of_the_cluster("server"), servers=3)

    def test_a_drained_server_without_another_in_its_place(self):
        self.moved(lambda: self.out_of_the_cluster("server"))

    def test_a_drained_server_of_an_asynchronous_job(self):
        self.moved(lambda: self.out_of_the_cluster("server"), servers=3,
                   more="synchronisation { mode: ASYNCHRONOUS audit: true }",
                   same_bits=False)

    def test_a_drained_server_of_a_job_that_leases_its_work(self):
        self.moved(lambda: self.out_of_the_cluster("server"), servers=3,
                   more="scheduling { policy: DYNAMIC }")

    def test_a_drained_worker(self):
        self.moved(lambda: self.out_of_the_cluster("worker"))

    def test_a_drain_that_cannot_be_waits_and_is_taken_back(self):
        def move():
            for node in self.nodes("worker").values():
                waits = self.drain(node["node"])
            self.assertEqual(waits["state"], "draining")
            self.assertIn("has no other worker", waits["reason"])
            for node in self.nodes("worker").values():
                self.assertEqual(self.drain(node["node"], "--undo")["state"],
                                 "serving")
        self.moved(move)

    def late_server(self, *flags):
        return self.start("--scheduler", self.address(), "--output-root",
                          f"{self.directory}/hawser-output", *flags,
                          program="hawser-server")

    def test_a_server_that_is_stopped_gives_its_blocks_away_first(self):
        def move():
            late = self.late_server("--drain-seconds", "60")
            self.hawser("set", "small", "--servers", "3")
            self.await_that("three servers", lambda: len(self.held()) == 3)
            late.terminate()
            _, err = late.communicate(timeout=harness.DEADLINE)
            self.assertEqual(late.returncode, 0, err)
            self.assertNotIn("before its blocks have moved", err)
            self.assertEqual(len(self.held()), 2)
            log, _ = self.hawser("logs", "small")
            self.assertNotIn("rolled back", log)
            self.await_step("small", self.hawser_json("job", "small")["step"] + 5)
        self.moved(move)

    def test_a_job_on_more_servers_and_on_fewer(self):
        def move():
            late = self.late_server()
            self.hawser("set", "small", "--servers", "3")
            self.await_that("three servers", lambda: len(self.held()) == 3)
            held = self.held()
            self.assertLessEqual(max(held.values()) - min(held.values()),
                                 BLOCK_ELEMENTS)
            self.hawser("set", "small", "--servers", "1")
            self.await_that("one server", lambda: len(self.held()) == 1)
            return late
        self.moved(move)


if __name__ == "__main__":
    harness.main()
