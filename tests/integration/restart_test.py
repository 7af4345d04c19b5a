"""The scheduler is killed and started again in the middle of a job."""

import os
import signal
import subprocess

from tests.integration import harness

LONG = 400  # epochs of the small job: some seconds

GPT = """name: "gpt"
model {{ gpt {{ vocabulary: 256 context: 128 layers: 2 heads: 4 width: 32
               dropout: 0.1 }} }}
data {{ text {{ files: "{text}" validation_share: 0.05 }} }}
optimizer {{ adamw {{ }} clip_global_norm: 1 }}
learning_rate {{ base: 0.003 }}
schedule {{ epochs: 12 global_batch: 8 micro_batches: 4 }}
checkpoint {{ every_steps: 20 }}
resources {{ workers: 2 servers: 2 }}
"""


class RestartTest(harness.ClusterTest):

    def setUp(self):
        super().setUp()
        self.schedulers = 0
        self.scheduler = None
        self.members = []

    def start_scheduler(self, listen="127.0.0.1:0"):
        """On the same state directory each time; returns its address."""
        port = f"{self.directory}/port-{self.schedulers}"
        self.schedulers += 1
        self.scheduler = self.start(
            "--listen", listen, "--state-dir", self.state, "--port-file", port,
            "--lease-ms", "2000", "--heartbeat-ms", "200",
            program="hawser-scheduler")
        self.await_that("a scheduler", lambda: os.path.exists(port) and
                        os.path.getsize(port) != 0)
        with open(port, encoding="utf-8") as file:
            return file.read()

    def start_cluster(self, workers=2, servers=2):
        address = self.start_scheduler()
        self.environment["HAWSER_SCHEDULER"] = address
        for _ in range(servers):
            self.members.append(self.start("--scheduler", address,
                                           program="hawser-server"))
        for _ in range(workers):
            self.members.append(self.start("--scheduler", address,
                                           "--data-root", "/",
                                           program="hawser-worker"))

    def stop_cluster(self):
        for process in [*self.members, self.scheduler]:
            process.terminate()
            process.communicate(timeout=harness.DEADLINE)
            self.assertEqual(process.returncode, 0)
        self.assert_nothing_left()

    def kill_scheduler(self):
        self.scheduler.kill()
        self.scheduler.communicate()

    def restart_scheduler(self):
        self.kill_scheduler()
        self.start_scheduler(self.environment["HAWSER_SCHEDULER"])

    def nodes(self):
        return {node["node"]: node["process"]
                for node in self.hawser_json("nodes")}

    def await_members(self, members):
        self.await_that("all members back", lambda: self.nodes() == members)

    def assert_logged(self, name, text):
        lines = self.hawser("logs", name)[0].splitlines()
        self.assertTrue([line for line in lines if text in line],
                        [line for line in lines if "restart" in line])

    def finish(self, name, undisturbed):
        self.hawser("wait", name, "--timeout", "100")
        job = self.hawser_json("job", name)
        self.assertEqual(job["state"], "succeeded", job)
        self.assertEqual(job["parameters_sha256"],
                         undisturbed["parameters_sha256"])
        for key in ("training", "validation"):
            self.assertEqual([epoch[key] for epoch in job["epochs_done"]],
                             [epoch[key] for epoch in
                              undisturbed["epochs_done"]])

    def disturbed(self, path, name, step, restarts=1):
        undisturbed = self.run_job(path)
        self.start_cluster()
        self.hawser("submit", path)
        self.await_step(name, step)
        members = self.nodes()
        self.assertEqual(len(members), 4)
        for _ in range(restarts):
            before = self.hawser_json("job", name)["incarnation"]
            self.restart_scheduler()
            self.await_members(members)
            self.await_that("a new incarnation", lambda: self.hawser_json(
                "job", name)["incarnation"] > before)
        # The same processes have the same numbers; nobody was restarted.
        self.assertEqual(sorted(members.values()),
                         sorted(member.pid for member in self.members))
        self.finish(name, undisturbed)
        self.assert_logged(name, "4 of 4 members are back")
        self.stop_cluster()

    def test_a_small_job_goes_on(self):
        self.disturbed(self.job(epochs=LONG, servers=2), "small", 50,
                       restarts=2)

    def test_a_job_that_leases_its_work_goes_on(self):
        self.disturbed(self.job(epochs=LONG, servers=2, change=(
            "seed", "scheduling { policy: DYNAMIC }\nseed")), "small", 50)

    def test_a_gpt_goes_on(self):
        words = "in the beginning was the word and the word was with".split()
        text = self.write("text.txt", " ".join(
            words[i * i % 11 % len(words)] for i in range(4000)))
        self.disturbed(self.write("gpt.textproto", GPT.format(text=text)),
                       "gpt", 10)

    def test_steps_are_made_while_it_is_away(self):
        """Also a worker's death then costs nothing but time."""
        path = self.job(epochs=LONG, servers=2)
        undisturbed = self.run_job(path)
        self.start_cluster()
        self.hawser("submit", path)
        self.await_step("small", 50)
        self.kill_scheduler()
        lost = self.members.pop()
        lost.kill()
        lost.communicate()
        self.start_scheduler(self.environment["HAWSER_SCHEDULER"])
        self.finish("small", undisturbed)
        self.assert_logged("small", "3 of 4 members are back")
        self.assert_logged("small", "did not come back")
        self.stop_cluster()

    def test_whoever_watches_goes_on(self):
        self.start_cluster()
        self.hawser("submit", self.job(epochs=LONG, servers=2))
        self.await_step("small", 20)
        watch = self.start("watch", "small")
        logs = self.start("logs", "--follow", "small")
        # Both have heard from it.
        self.assertTrue(watch.stderr.readline())
        self.assertTrue(logs.stdout.readline())
        self.restart_scheduler()
        for watcher in (watch, logs):
            out, err = watcher.communicate(timeout=2 * harness.DEADLINE)
            self.assertEqual(watcher.returncode, 0, err)
            self.assertIn("answers again", err)
        self.assertIn("4 of 4 members are back", out)
        self.stop_cluster()

    def test_up_starts_it_again(self):
        with self.cluster(2, 2):
            self.hawser("submit", self.job(epochs=LONG, servers=2))
            self.await_step("small", 20)
            members = self.nodes()
            before = self.hawser_json("job", "small")["incarnation"]
            os.kill(self.processes("hawser-scheduler")[0], signal.SIGKILL)

            def is_back():
                process = subprocess.run(
                    [f"{self.bin}/hawser", "job", "small"],
                    env=self.environment, capture_output=True, text=True,
                    check=False, timeout=harness.DEADLINE)
                return process.returncode == 0
            self.await_that("a scheduler", is_back)
            self.await_members(members)
            self.hawser("wait", "small", "--timeout", "100")
            job = self.hawser_json("job", "small")
            self.assertEqual(job["state"], "succeeded", job)
            self.assertGreater(job["incarnation"], before)
        self.assert_nothing_left()

    def test_what_waits_and_what_has_ended_stays(self):
        self.start_cluster(1, 1)
        self.hawser("submit", self.job("ends", epochs=2, workers=1))
        self.hawser("wait", "ends")
        self.hawser("submit", self.job("waits", workers=3))
        self.restart_scheduler()
        jobs = {job["name"]: job for job in self.hawser_json("jobs")}
        self.assertEqual(jobs["ends"]["state"], "succeeded")
        self.assertEqual(jobs["ends"]["epoch"], 2)
        self.assertEqual(jobs["waits"]["state"], "queued")
        other = subprocess.run(
            [f"{self.bin}/hawser-scheduler", "--listen", "127.0.0.1:0",
             "--state-dir", self.state], capture_output=True, text=True,
            check=False, timeout=harness.DEADLINE)
        self.assertEqual(other.returncode, 1)
        self.assertIn("does another scheduler use it", other.stderr)
        self.stop_cluster()


if __name__ == "__main__":
    harness.main()
