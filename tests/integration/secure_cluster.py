"""A cluster with TLS and tokens, for the suites that need one."""

import hashlib
import json
import os

from tests.integration import harness


class SecureClusterTest(harness.ClusterTest):

    def setUp(self):
        super().setUp()
        self.certs = f"{self.directory}/certs"
        self.hawser("certs", "--to", self.certs)
        self.daemons = []

    # --- Tokens ---

    def add_token(self, role, name, expiry=""):
        """Returns the file of a new token that the daemons know."""
        token = f"token-of-{name}"
        digest = hashlib.sha256(token.encode()).hexdigest()
        with open(f"{self.certs}/tokens", "a", encoding="utf-8") as file:
            file.write(f"{role} {name} {digest} {expiry}\n")
        return self.write(f"{name}.token", token + "\n")

    def token(self, name):
        return f"{self.certs}/{name}/token"

    def as_client(self, token=None, tls="client"):
        self.environment["HAWSER_TLS_DIR"] = f"{self.certs}/{tls}"
        self.environment["HAWSER_TOKEN_FILE"] = token or self.token("client")

    # --- Daemons ---

    def start_daemon(self, program, *arguments):
        self.daemons.append(self.start(*arguments,
                                       program=f"hawser-{program}"))
        return self.daemons[-1]

    def join(self, program, *arguments):
        daemon = self.start_daemon(program, *arguments)
        self.await_that("a newcomer", lambda: daemon.pid in self.nodes())

    def start_cluster(self, workers=2, servers=2, carriers="tcp", more=(),
                      of_scheduler=()):
        """more: flags of the scheduler and the servers."""
        port = f"{self.directory}/port"
        tokens = ("--tokens-file", f"{self.certs}/tokens")
        self.start_daemon("scheduler", "--listen", "127.0.0.1:0", "--state-dir",
                          self.state, "--port-file", port, "--tls-dir",
                          f"{self.certs}/scheduler", *tokens, *more,
                          *of_scheduler)
        self.await_that("a scheduler", lambda: os.path.exists(port) and
                        os.path.getsize(port) != 0)
        with open(port, encoding="utf-8") as file:
            self.address = file.read()
        self.environment["HAWSER_SCHEDULER"] = self.address
        for role, count in (("server", servers), ("worker", workers)):
            for _ in range(count):
                self.start_daemon(
                    role, "--scheduler", self.address, "--tls-dir",
                    f"{self.certs}/{role}", "--token-file", self.token(role),
                    "--carriers", carriers,
                    *(("--data-root", "/") if role == "worker" else
                      (*tokens, *more)))
        self.as_client()
        self.await_that("all members", lambda: len(self.nodes()) ==
                        workers + servers)

    def nodes(self):
        return {node["process"]: node for node in self.hawser_json("nodes")}

    def data_plane(self):
        """HOST:PORT of a server."""
        return next(node["address"] for node in self.nodes().values()
                    if node["role"] == "server")

    def stop_cluster(self):
        for process in reversed(self.daemons):
            process.terminate()
            process.communicate(timeout=harness.DEADLINE)
            self.assertEqual(process.returncode, 0)
        self.assert_nothing_left()

    def finish(self, name, expected):
        self.hawser("wait", name, "--timeout", "100")
        job = self.hawser_json("job", name)
        self.assertEqual(job["state"], "succeeded", job)
        self.assertEqual(job["parameters_sha256"], expected)

    def undisturbed(self, path):
        return self.run_job(path)["parameters_sha256"]

    def access_log(self):
        with open(f"{self.state}/access.log", encoding="utf-8") as file:
            return [json.loads(line) for line in file]
