"""The overlay with three schedulers and etcd, played: a job outlives the
scheduler that leads, a member of etcd, and a roll-out of both."""

from tests.deploy import container, manifests, program_root
from tests.deploy.played import HOSTS, LONG, SECONDS, PlayedTest, change_worker
from tests.integration import harness

# Of docs/deploy.md.
ETCD_HOSTS = [f"hawser-etcd-{number}.hawser-etcd.hawser.svc"
              for number in range(3)]


class PlayEtcdTest(PlayedTest):

    hosts = (*HOSTS, "*.hawser-scheduler.hawser.svc")
    submission = "overlays/etcd-job"

    def make_other_roots(self):
        etcd = container.tool("etcd")
        if etcd is None:
            self.skipTest("etcd is not installed (Debian's etcd-server)")
        root = f"{self.directory}/etcd-root"
        program_root.assemble(etcd, root)
        return {"etcd": root}

    def put_secrets(self, directory):
        super().put_secrets(directory)
        etcd = f"{directory}/etcd"
        self.make_certificates(etcd, ETCD_HOSTS)
        self.put_tls("hawser-etcd-tls", f"{etcd}/server")
        self.put_tls("hawser-etcd-client-tls", f"{etcd}/client")

    def leaders(self):
        """Names of the schedulers' pods that say that they lead."""
        pods = [pod for pod in self.cluster.pods()
                if pod.name.startswith("hawser-scheduler-") and
                pod.exit_status() is None]
        return [pod.name for pod in pods if pod.execute(
            ["hawser", "health", "localhost:7070", "--ready"])[0] == 0]

    def await_leader(self):
        self.cluster.await_that("one leads", lambda: len(self.leaders()) == 1,
                                SECONDS)
        return self.leaders()[0]

    def await_progress(self):
        """From what it was when a scheduler first answers; or its end."""
        first = []

        def goes_on():
            now = self.look("played")
            if now is None:
                return False
            first.append(now["step"])
            return now["step"] > first[0] or now["state"] == "succeeded"
        self.cluster.await_that("the job goes on", goes_on, SECONDS)

    def test_a_job_outlives_the_leader_and_a_member_of_etcd(self):
        objects = manifests.render("overlays/etcd")
        # So that the job is under way for long enough on any machine.
        change_worker(objects, "Deployment", "--micro-batch-delay-ms=4")
        self.start(objects)
        self.await_leader()
        submit = self.submit(LONG)
        self.cluster.await_that("the job trains",
                                lambda: self.is_beyond("played", 100), SECONDS)
        self.cluster.lose(self.await_leader())
        self.await_leader()  # which may have its name
        self.await_progress()
        self.cluster.lose("hawser-etcd-1")
        self.await_progress()
        self.cluster.await_that("all are back", self.cluster.is_rolled_out,
                                SECONDS)
        for name in ("hawser-scheduler", "hawser-etcd"):
            self.restart("StatefulSet", name)
            self.await_progress()
        self.cluster.await_that("the job ends", submit.is_done, 3 * SECONDS)
        self.assertEqual(submit.failures, [])
        job = self.look("played")
        self.assertEqual(job["state"], "succeeded")
        self.assertEqual(job["parameters_sha256"], self.local_hash(LONG))


if __name__ == "__main__":
    harness.main()
