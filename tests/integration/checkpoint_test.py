"""Checkpoints of real processes: kept, listed, verified, started from; and
jobs whose disk fails them for a while."""

import os
import random

from tests.integration import harness


class CheckpointTest(harness.ClusterTest):

    def output(self, *parts):
        return os.path.join(self.directory, "output", *parts)

    def more(self, path, text):
        with open(path, "a", encoding="utf-8") as file:
            file.write(text)
        return path

    def run_small(self, name, more="", *arguments):
        path = self.more(self.job(name, servers=2), more)
        return self.hawser_json("run", path, "--output-root",
                                self.output(), *arguments)

    def steps(self, name):
        return sorted(int(entry.split("-")[1])
                      for entry in os.listdir(self.output(name))
                      if entry.startswith("step-"))

    def test_the_policy_keeps_some(self):
        with self.cluster(2, 2, "--output-root", self.output()):
            path = self.more(self.job("a", servers=2), "checkpoint { "
                             "every_steps: 4 keep_last: 2 "
                             "keep_every_steps: 8 }\n")
            self.hawser("submit", path, "--watch")
            listed = self.hawser_json("checkpoints", "a")
            self.assertEqual(listed["failed"], 0)
            kept = [each["step"] for each in listed["checkpoints"]]
            self.assertEqual(kept, self.steps("a"))
            self.assertEqual(kept[-1], 30)
            for each in listed["checkpoints"]:
                self.assertEqual(each["directory"],
                                 self.output("a", f"step-{each['step']}"))
                on_disk = sum(
                    os.path.getsize(os.path.join(each["directory"], name))
                    for name in os.listdir(each["directory"])
                    if name.startswith("server-"))
                self.assertEqual(each["bytes"], on_disk)
                self.assertEqual(each["files"], 2)
            # What is skipped, since the disk is slow, is not there.
            self.assertLessEqual(set(kept), {8, 16, 24, 28, 30})
            table = self.hawser("checkpoints", "a")[0]
            self.assertIn("the newest", table)
            self.hawser("checkpoints", "none", code=4)

            # Another job starts from one of them.
            _, err = self.hawser("submit", self.job("b", servers=2), "--from",
                                 "a@7", code=4)
            self.assertIn(f"there are {', '.join(map(str, kept))}", err)
            self.hawser("submit", self.job("b", servers=2), "--from",
                        f"a@{kept[0]}", "--watch")
            self.hawser("submit", self.job("c", servers=2), "--from", "a",
                        "--watch")
            b, c = (self.hawser_json("job", name) for name in "bc")
            self.assertNotEqual(b["parameters_sha256"], c["parameters_sha256"])
        self.assert_nothing_left()

    def test_a_run_starts_from_another(self):
        self.run_small("a", "checkpoint { every_steps: 10 }\n")
        steps = self.steps("a")
        for text in ("a", f"a@{steps[0]}"):
            done = self.run_small("b", "", "--from", text)
            self.assertEqual(done["state"], "succeeded")
        _, err = self.hawser("run", self.job("c"), "--output-root",
                             self.output(), "--from", "a@7", code=2)
        self.assertIn("a has no checkpoint of step 7", err)
        self.assert_nothing_left()

    def test_damage_is_named(self):
        self.run_small("a")
        directory = self.output("a", "step-30")
        verified = self.hawser_json("verify", directory)
        self.assertTrue(verified["whole"])
        self.assertEqual(verified["checkpoints"][0]["step"], 30)
        self.assertIn("whole", self.hawser("verify", self.output("a"))[0])
        rng = random.Random(5)
        for name in os.listdir(directory):
            path = os.path.join(directory, name)
            with open(path, "rb") as file:
                content = file.read()
            for _ in range(3):
                bit = rng.randrange(8 * len(content))
                flipped = bytearray(content)
                flipped[bit // 8] ^= 1 << (bit % 8)
                with open(path, "wb") as file:
                    file.write(flipped)
                out, _ = self.hawser("verify", self.output("a"), code=1)
                self.assertIn(f"{name}: ", out)
            with open(path, "wb") as file:
                file.write(content)
        self.hawser("verify", directory)
        self.hawser("verify", self.output(), code=4)

    def test_a_disk_that_fails_costs_checkpoints_and_no_job(self):
        # Where the job's directory must be there is something else.
        os.makedirs(self.output())
        self.write("output/a", "in the way")
        with self.cluster(1, 1, "--output-root", self.output()):
            path = self.more(self.job("a", workers=1, servers=1),
                             "checkpoint { every_steps: 10 }\n")
            self.hawser("submit", path)
            def waits():
                job = self.hawser_json("job", "a")
                return (job["state"] == "finishing" and
                        "the last checkpoint" in job["reason"] and job)
            job = self.await_that("the job waits with its result", waits)
            self.assertGreaterEqual(job["checkpoints_failed"], 2)
            self.assertIn("the job goes on without it",
                          self.hawser("logs", "a")[0])
            # Another one may not write there meanwhile.
            other = self.more(self.job("b"), 'checkpoint { directory: "a" }\n')
            _, err = self.hawser("submit", other, code=1)
            self.assertIn("would write its checkpoints to a, where job a", err)
            os.remove(self.output("a"))
            self.hawser("wait", "a", "--timeout", "60")
            self.assertEqual(self.steps("a"), [30])
        self.hawser("verify", self.output("a"))
        self.assert_nothing_left()

    def test_by_the_time(self):
        path = self.more(self.job("a", workers=1, servers=2, epochs=400),
                         "checkpoint { every_seconds: 0.2 keep_last: 2 }\n")
        with self.cluster(1, 2, "--output-root", self.output()):
            self.hawser("submit", path)
            def some():
                job = self.hawser_json("job", "a")
                return job["checkpoint_step"] > 0 or job["state"] != "running"
            self.await_that("a checkpoint", some)
            self.hawser("wait", "a")
            log = self.hawser("logs", "a")[0]
            self.assertGreater(log.count("checkpoint of step"), 1)
        self.hawser("verify", self.output("a"))


if __name__ == "__main__":
    harness.main()
