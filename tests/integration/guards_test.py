"""Numbers that are not finite, and micro-batches that are computed twice."""

from tests.integration import harness

JOB = """name: "{name}"
model {{ mlp {{ layer_sizes: [ 16, 40, 20, 3 ] activation: {activation} }} }}
data {{ idx {{ directory: "{data}" }} }}
optimizer {{ sgd {{}} }}
learning_rate {{ base: {rate} }}
schedule {{ epochs: 2 global_batch: 32 micro_batches: 8 }}
placement {{ block_elements: 256 }}
guards {{ {guards} }}
"""
CLUSTERS = ((1, 1), (2, 1), (4, 2))


class GuardsTest(harness.ClusterTest):

    def guarded(self, name, guards, rate="0.01", activation="RELU"):
        return self.write(f"{name}.textproto", JOB.format(
            name=name, guards=guards, rate=rate, activation=activation,
            data=self.data))

    def run_on(self, job, cluster, code=0):
        return self.run_job(job, "--workers", str(cluster[0]), "--servers",
                            str(cluster[1]), code=code)

    def test_a_gradient_that_is_not_finite_fails_the_job(self):
        job = self.guarded("diverges", "", rate="1e25")
        for cluster in CLUSTERS:
            done = self.run_on(job, cluster, code=1)
            self.assertEqual(done["state"], "failed")
            self.assertRegex(
                done["reason"],
                r"worker \d+, step \d+, micro-batch \d+: the gradient is "
                r"infinite or not a number, first in layer \S+; .*SKIP_STEP")
        self.assert_nothing_left()

    def test_skipped_steps_are_the_same_on_every_cluster(self):
        job = self.guarded("skips", "not_finite: SKIP_STEP", rate="1e25")
        outcomes = set()
        for cluster in CLUSTERS:
            done = self.run_on(job, cluster)
            self.assertEqual(done["state"], "succeeded")
            self.assertGreater(int(done["micro_batches_not_finite"]), 0)
            outcomes.add(done["parameters_sha256"])
        self.assertEqual(len(outcomes), 1, outcomes)
        self.assert_nothing_left()

    def test_guards_change_no_bit_of_a_job_that_is_well(self):
        outcomes = set()
        for guards in ("", "not_finite: SKIP_STEP", "recompute_every: 3"):
            job = self.guarded("well", guards)
            for cluster in CLUSTERS:
                done = self.run_on(job, cluster)
                outcomes.add(done["parameters_sha256"])
        self.assertEqual(len(outcomes), 1, outcomes)
        self.assert_nothing_left()


if __name__ == "__main__":
    harness.main()
