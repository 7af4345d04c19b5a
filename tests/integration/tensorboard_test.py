"""Curves for TensorBoard, read back by a small reader and by TensorBoard."""

import json
import os
import signal
import subprocess
import sys

from tests.integration import event_files, harness

# What reads event files of it, and nothing else.
TENSORBOARD = ("tensorboard==2.15.1", "protobuf==4.23.4", "absl-py==2.0.0")
INSTALL_SECONDS = 90
READ = """
import json, sys
from tensorboard.backend.event_processing import event_accumulator
events = event_accumulator.EventAccumulator(sys.argv[1],
                                            size_guidance={"scalars": 0})
events.Reload()
print(json.dumps({tag: [[point.step, point.value]
                        for point in events.Scalars(tag)]
                  for tag in events.Tags()["scalars"]}))
"""


class TensorboardTest(harness.ClusterTest):

    def curves(self, name="small"):
        return event_files.curves(self.run_directory(name))

    def run_directory(self, name="small"):
        return f"{self.directory}/hawser-output/{name}/tensorboard"

    def with_tensorboard(self, directory):
        """What TensorBoard itself reads; skips the test where it cannot be
        had."""
        packages = f"{self.directory}/packages"
        try:
            subprocess.run(
                [sys.executable, "-m", "pip", "install", "--quiet",
                 "--disable-pip-version-check", "--no-deps", "--target",
                 packages, *TENSORBOARD],
                check=True, capture_output=True, timeout=INSTALL_SECONDS)
        except (subprocess.SubprocessError, OSError) as error:
            self.skipTest("tensorboard cannot be installed: pip install "
                          f"{' '.join(TENSORBOARD)}: {error}")
        out = subprocess.run(
            [sys.executable, "-c", READ, directory], check=True, text=True,
            capture_output=True, env=dict(os.environ, PYTHONPATH=packages))
        return {tag: [tuple(point) for point in points]
                for tag, points in json.loads(out.stdout).items()}

    def test_a_jobs_curves_are_its_figures(self):
        job = self.run_job(self.job(epochs=4))
        curves = self.curves()
        # 300 samples, 32 a step.
        ends = [10, 20, 30, 40]
        for tag, part in (("epoch", "training"), ("validation", "validation")):
            for figure in ("loss", "accuracy"):
                points = curves[f"{figure}/{tag}"]
                self.assertEqual([step for step, _ in points], ends)
                for (_, value), epoch in zip(points, job["epochs_done"]):
                    self.assertAlmostEqual(value, epoch[part][figure], 5)
        self.assertEqual(curves["loss/training"][-1][0], 40)
        for step, rate in curves["learning_rate"]:
            self.assertAlmostEqual(rate, 0.01, 6, msg=f"step {step}")
        self.assertNotIn("tokens_per_second", curves)
        self.assert_nothing_left()
        # A job of the same name begins anew, in the same place.
        self.run_job(self.job(epochs=2))
        self.assertEqual([step for step, _ in self.curves()["loss/epoch"]],
                         [10, 20])

    def rolled_back(self):
        """A job that was rolled back, on a busy machine more than once, with
        all of its files."""
        with self.cluster(2, 3, "--lease-ms", "1500", "--heartbeat-ms", "200"):
            self.hawser("submit", self.job(epochs=400, servers=2, change=(
                "seed", "checkpoint { every_epochs: 15 }\nseed")))
            self.await_that("a point after a checkpoint", lambda: (
                self.hawser_json("job", "small")["checkpoint_step"] > 0 and
                os.path.exists(self.run_directory()) and
                self.curves().get("loss/epoch")))
            serving = [node["process"] for node in self.hawser_json("nodes")
                       if node["role"] == "server" and node["job"]]
            os.kill(serving[0], signal.SIGKILL)
            self.hawser("wait", "small", "--timeout", "100")
            self.assertIn("rolled back to step",
                          self.hawser("logs", "small")[0])

    def test_no_curve_runs_backwards_after_a_roll_back(self):
        self.rolled_back()
        files = sorted(os.listdir(self.run_directory()))
        self.assertGreaterEqual(len(files), 2, files)
        first, *later = (list(event_files.events(
            f"{self.run_directory()}/{name}")) for name in files)
        self.assertEqual(first[0]["version"], "brain.Event:2")
        for after in later:
            self.assertEqual(after[1]["session"], event_files.START)
        for tag, points in self.curves().items():
            steps = [step for step, _ in points]
            self.assertEqual(steps, sorted(set(steps)), tag)
        self.assertEqual(
            [step for step, _ in self.curves()["loss/validation"]],
            [10 * epoch for epoch in range(1, 401)])

    def test_tensorboard_reads_the_same(self):
        self.rolled_back()
        self.assertEqual(self.with_tensorboard(self.run_directory()),
                         self.curves())


if __name__ == "__main__":
    harness.main()
