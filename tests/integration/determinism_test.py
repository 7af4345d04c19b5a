"""The result does not depend on the cluster."""

from tests.integration import harness

# workers, servers, placement, threads: each value of each beside several
# others.
CLUSTERS = (
    (1, 1, "BY_BLOCK", 1),
    (2, 1, "BY_LAYER", 2),
    (3, 2, "BY_BLOCK", 1),
    (4, 4, "BY_LAYER", 1),
    (7, 2, "BY_LAYER", 1),
    (7, 4, "BY_BLOCK", 2),
    (2, 2, "BY_BLOCK", 1),
    (4, 1, "BY_BLOCK", 2),
    (1, 4, "BY_LAYER", 2),
    (3, 1, "BY_LAYER", 1),
)


class DeterminismTest(harness.ClusterTest):

    def outcome(self, workers, servers, threads, **settings):
        job = self.run_job(self.job(**settings), "--workers", str(workers),
                           "--servers", str(servers), "--threads",
                           str(threads))
        self.assertEqual(job["state"], "succeeded", job)
        return (job["parameters_sha256"],
                [(epoch["training"], epoch["validation"])
                 for epoch in job["epochs_done"]])

    def test_same_bits_on_every_cluster(self):
        outcomes = {}
        for workers, servers, placement, threads in CLUSTERS:
            key = (workers, servers, placement, threads)
            outcomes[key] = self.outcome(workers, servers, threads,
                                         placement=placement)
        first = outcomes[CLUSTERS[0]]
        for key, outcome in outcomes.items():
            self.assertEqual(outcome, first, key)
        # It has learnt something, and from every sample once an epoch.
        training, validation = first[1][-1]
        self.assertEqual(training["samples"], 300)
        self.assertEqual(validation["samples"], 100)
        self.assertGreater(validation["accuracy"], 0.8)
        self.assert_nothing_left()

    def test_leases_make_the_same_bits_as_fixed_shares(self):
        alone = self.outcome(1, 1, 1)
        for policy in ("ROUND_ROBIN", "LEAST_LOAD", "ADAPTIVE"):
            change = ("resources", "scheduling { policy: DYNAMIC leases: " +
                      policy + " }\nresources")
            for workers, servers in ((1, 2), (3, 2), (10, 1)):
                self.assertEqual(
                    self.outcome(workers, servers, 1, change=change), alone,
                    (policy, workers, servers))
        self.assert_nothing_left()

    def test_each_partition_too_and_another_seed_differs(self):
        random = self.outcome(1, 1, 1)
        hashes = {random[0], self.outcome(1, 1, 1, seed=4)[0]}
        for partition in ("BY_SAMPLE", "BY_CLASS"):
            alone = self.outcome(1, 1, 1, partition=partition)
            self.assertEqual(self.outcome(3, 2, 1, partition=partition), alone)
            hashes.add(alone[0])
        self.assertEqual(len(hashes), 4)


if __name__ == "__main__":
    harness.main()
