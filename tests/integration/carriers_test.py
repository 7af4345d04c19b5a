"""One result, whatever carries the parameters."""

import hashlib
import os
import shutil

from tests.integration import harness

# What a worker says of it.
CARRIERS = {
    "shared-memory": "by shared memory",
    "unix-socket": "by a unix socket",
    "direct-tcp": "by TCP, on a connection of its own",
    "tcp": "by TCP",
}


class CarriersTest(harness.ClusterTest):

    def setUp(self):
        super().setUp()
        self.daemons = []

    def start_daemon(self, program, *arguments):
        self.daemons.append(self.start(*arguments,
                                       program=f"hawser-{program}"))

    def start_cluster(self, of_servers, of_workers, scheduler=(), server=(),
                      worker=()):
        """The carriers of either, and other flags."""
        port = f"{self.directory}/port"
        if os.path.exists(port):
            os.unlink(port)
        shutil.rmtree(self.state, ignore_errors=True)
        self.daemons = []
        self.start_daemon("scheduler", "--listen", "127.0.0.1:0", "--state-dir",
                          self.state, "--port-file", port, *scheduler)
        self.await_that("a scheduler", lambda: os.path.exists(port) and
                        os.path.getsize(port) != 0)
        with open(port, encoding="utf-8") as file:
            address = file.read()
        self.environment["HAWSER_SCHEDULER"] = address
        for _ in range(2):
            self.start_daemon("server", "--scheduler", address, "--carriers",
                              of_servers, *server)
            self.start_daemon("worker", "--scheduler", address, "--carriers",
                              of_workers, "--data-root", "/", *worker)
        self.await_that("all members",
                        lambda: len(self.hawser_json("nodes")) == 4)

    def stop_cluster(self):
        """What the members have said."""
        said = ""
        for process in reversed(self.daemons):
            process.terminate()
            said += process.communicate(timeout=harness.DEADLINE)[1]
            self.assertEqual(process.returncode, 0)
        self.assert_nothing_left()
        return said

    def train(self, path, expected):
        self.hawser("submit", path)
        self.hawser("wait", "small", "--timeout", "100")
        job = self.hawser_json("job", "small")
        self.assertEqual(job["state"], "succeeded", job)
        self.assertEqual(job["parameters_sha256"], expected)

    def test_each_carrier(self):
        path = self.job(servers=2)
        expected = self.run_job(path)["parameters_sha256"]
        for carrier, line in CARRIERS.items():
            with self.subTest(carrier):
                self.start_cluster(carrier, carrier)
                self.train(path, expected)
                self.assertIn(f"{line}\n", self.stop_cluster())

    def test_a_server_that_takes_no_direct_connections(self):
        path = self.job(servers=2)
        expected = self.run_job(path)["parameters_sha256"]
        self.start_cluster("tcp", "direct-tcp,tcp")
        self.train(path, expected)
        said = self.stop_cluster()
        self.assertIn("in gRPC's connection", said)
        self.assertNotIn("damaged frame", said.replace("0 damaged frame", ""))

    def test_direct_connections_with_tokens(self):
        """Of this host alone, without TLS."""
        path = self.job(servers=2)
        expected = self.run_job(path)["parameters_sha256"]
        lines, tokens = "", {}
        for role in ("admin", "server", "worker"):
            token = f"token-of-the-{role}"
            digest = hashlib.sha256(token.encode()).hexdigest()
            lines += f"{role} the-{role} {digest}\n"
            tokens[role] = self.write(f"{role}.token", token + "\n")
        known = ("--tokens-file", self.write("tokens", lines))
        self.environment["HAWSER_TOKEN_FILE"] = tokens["admin"]
        self.start_cluster(
            "direct-tcp", "direct-tcp", scheduler=known,
            server=(*known, "--token-file", tokens["server"]),
            worker=("--token-file", tokens["worker"]))
        self.train(path, expected)
        self.assertIn("on a connection of its own\n", self.stop_cluster())


if __name__ == "__main__":
    harness.main()
