"""A cluster with TLS and tokens: it trains, and refuses everybody else."""

import os
import resource
import shutil
import socket
import ssl
import subprocess

from tests.integration import harness
from tests.integration.secure_cluster import SecureClusterTest

LONG = 400  # epochs of the small job: some seconds
IDLE_CONNECTIONS = 1000

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = bytes.fromhex("000000040000000000")


def presented(address):
    """The certificate that a daemon presents now."""
    host, port = address.rsplit(":", 1)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    with socket.create_connection((host, int(port)), timeout=30) as plain:
        with context.wrap_socket(plain) as encrypted:
            return encrypted.getpeercert(binary_form=True)


class TlsTest(SecureClusterTest):

    def test_a_job_trains_while_certificates_and_tokens_change(self):
        path = self.job(epochs=LONG, servers=2)
        expected = self.undisturbed(path)
        self.start_cluster()
        self.hawser("submit", path)
        self.await_step("small", 20)
        addresses = [self.address, self.data_plane()]
        before = [presented(address) for address in addresses]
        self.hawser("certs", "--to", self.certs)
        self.await_that("new certificates are presented", lambda: all(
            presented(address) != old
            for address, old in zip(addresses, before)))
        # A worker that comes now meets the new ones.
        token = self.add_token("worker", "newcomer")
        self.join("worker", "--scheduler", self.address, "--tls-dir",
                  f"{self.certs}/worker", "--token-file", token, "--data-root",
                  "/")
        self.finish("small", expected)
        who = [(line.get("who"), line["result"]) for line in self.access_log()
               if line["method"].endswith(("/SubmitJob", "/Register"))]
        self.assertIn(("client", "OK"), who)
        self.assertEqual(who.count(("server", "OK")), 2)
        self.assertEqual(who.count(("worker", "OK")), 2)
        self.assertEqual(who.count(("newcomer", "OK")), 1)
        self.stop_cluster()

    def test_the_carriers_of_one_host_and_certificates_of_everybody(self):
        path = self.job(servers=2)
        expected = self.undisturbed(path)
        for carriers in ("unix-socket", "shared-memory,unix-socket"):
            shutil.rmtree(self.state, ignore_errors=True)
            os.path.exists(f"{self.directory}/port") and os.unlink(
                f"{self.directory}/port")
            self.daemons = []
            self.start_cluster(carriers=carriers,
                               more=("--require-client-certificates",))
            self.hawser("submit", path)
            self.finish("small", expected)
            # The authority alone is not enough here, whatever the token.
            bare = f"{self.certs}/bare"
            os.makedirs(bare, exist_ok=True)
            shutil.copy(f"{self.certs}/ca.crt", bare)
            self.hawser("jobs", "--tls-dir", bare, code=3)
            self.stop_cluster()


class RefusalTest(SecureClusterTest):

    def refused(self, *arguments, token=None, code=5):
        self.as_client(token)
        _, err = self.hawser(*arguments, code=code)
        self.as_client()
        return err

    def test_whoever_may_not_is_refused_and_nothing_changes(self):
        path = self.job(epochs=100000, servers=2)
        other = self.job("other", servers=2)
        self.start_cluster()
        self.hawser("submit", path)
        self.await_step("small", 5)
        changes = (("submit", other), ("cancel", "small"),
                   ("set", "small", "mode=asynchronous"),
                   ("trace", "small", "--steps", "2", "--to", "trace.json"))
        looks = (("jobs",), ("job", "small"), ("logs", "small"), ("nodes",),
                 ("checkpoints", "small"))
        wrong = self.write("wrong.token", "wrong")
        late = self.add_token("admin", "late", "2001-01-01T00:00:00Z")
        viewer = self.add_token("view", "viewer")
        self.await_that("the new tokens are known", lambda: self.start(
            "--token-file", viewer, "jobs").wait() == 0)
        for verb in changes + looks:
            for token in (wrong, late, self.token("worker"),
                          self.token("server")):
                self.refused(*verb, token=token)
        self.assertIn("expired", self.refused("jobs", token=late))
        for verb in changes:
            self.assertIn("submit or admin", self.refused(*verb, token=viewer))
        self.as_client()
        self.environment.pop("HAWSER_TOKEN_FILE")
        for verb in changes + looks:
            self.assertIn("--token-file", self.hawser(*verb, code=5)[1])
        # Nor as a member: with a person's token, or with the other's.
        for role, token in (("worker", self.token("client")),
                            ("worker", self.token("server")),
                            ("server", self.token("worker"))):
            _, err = self.hawser("--scheduler", self.address, "--tls-dir",
                                 f"{self.certs}/{role}", "--token-file", token,
                                 program=f"hawser-{role}", code=1)
            self.assertIn("role", err)
        # Without TLS, or by another authority, nobody is reached at all.
        self.hawser("certs", "--to", f"{self.directory}/others")
        self.as_client()
        self.hawser("jobs", "--tls-dir", f"{self.directory}/others/client",
                    code=3)
        self.environment.pop("HAWSER_TLS_DIR")
        self.hawser("jobs", code=3)
        self.as_client()
        job = self.hawser_json("job", "small")
        self.assertEqual(job["state"], "running")
        self.assertEqual(len(self.hawser_json("jobs")), 1)
        self.assertEqual(len(self.nodes()), 4)
        lines = [line for line in self.access_log()
                 if line.get("refused")]
        for who, method in (("viewer", "SubmitJob"), ("late", "CancelJob"),
                            ("worker", "SubmitJob"), ("server", "ChangeJob")):
            self.assertTrue([line for line in lines if line.get("who") == who
                             and line["method"].endswith(method)], (who, method))
        self.assertIn("127.0.0.1", {line.get("peer", "") for line in lines})
        self.hawser("cancel", "small")
        self.stop_cluster()

    def test_a_revoked_token_is_refused_within_a_second_or_two(self):
        self.start_cluster(workers=1, servers=1)
        token = self.add_token("view", "guest")
        self.await_that("the token is known", lambda: self.start(
            "--token-file", token, "jobs").wait() == 0)
        with open(f"{self.certs}/tokens", encoding="utf-8") as file:
            lines = [line for line in file if " guest " not in line]
        self.write("certs/tokens", "".join(lines))
        self.await_that("the token is revoked", lambda: self.start(
            "--token-file", token, "jobs").wait() == 5)
        self.stop_cluster()

    def test_flags_that_do_not_fit(self):
        tls = ("--tls-dir", f"{self.certs}/server")
        tokens = ("--tokens-file", f"{self.certs}/tokens")
        for program in ("hawser-scheduler", "hawser-server"):
            for flags, message in (
                    ((), "--tls-dir and --tokens-file"),
                    (tls, "--tls-dir and --tokens-file"),
                    (tokens, "--tls-dir and --tokens-file"),
                    ((*tokens, "--allow-insecure-network"), "without TLS"),
                    (("--tls-dir", self.directory), "tls.crt"),
                    (("--tokens-file", "none"), "none"),
                    (("--require-client-certificates",), "--tls-dir")):
                _, err = self.hawser("--listen", "0.0.0.0:0", *flags,
                                     program=program, code=1)
                self.assertIn(message, err)
        bad = self.write("bad", "admin ann secret\n")
        _, err = self.hawser("--tokens-file", bad, program="hawser-scheduler",
                             code=1)
        self.assertIn("bad:1", err)
        self.assertNotIn("secret", err)
        self.hawser("jobs", "--token-file", "none", code=2)
        self.assert_nothing_left()


class HostileTest(SecureClusterTest):

    def connect(self, address):
        host, port = address.rsplit(":", 1)
        connection = socket.create_connection((host, int(port)), timeout=60)
        self.addCleanup(connection.close)
        return connection

    def encrypted(self, address):
        context = ssl.create_default_context(cafile=f"{self.certs}/ca.crt")
        context.set_alpn_protocols(["h2"])
        connection = context.wrap_socket(self.connect(address),
                                         server_hostname="localhost")
        self.addCleanup(connection.close)
        return connection

    @staticmethod
    def send(connection, content):
        try:
            connection.sendall(content)
        except OSError:
            pass  # it has been cut

    def test_the_cluster_trains_on_in_the_middle_of_it(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE,
                        (soft, hard))
        path = self.job(epochs=LONG, servers=2)
        expected = self.undisturbed(path)
        self.start_cluster()
        addresses = [self.address, self.data_plane()]
        for address in addresses:
            for _ in range(IDLE_CONNECTIONS):
                self.connect(address)
        self.hawser("submit", path)
        self.await_step("small", 10)
        for address in addresses:
            for _ in range(200):
                self.connect(address).close()  # a port scan
            for garbage in (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
                            PREFACE + SETTINGS, os.urandom(1 << 16),
                            b"\x16\x03\x01\xff\xff" + bytes(1 << 17)):
                self.send(self.connect(address), garbage)
            # By TLS: nonsense, a header without end, one byte at a time, and
            # frames that claim more than may be.
            for content in (b"GET / HTTP/1.1\r\n\r\n",
                            PREFACE + SETTINGS + os.urandom(1 << 16),
                            PREFACE + SETTINGS +
                            bytes.fromhex("ffffff000000000001") +
                            bytes(1 << 20)):
                self.send(self.encrypted(address), content)
            slow = [self.encrypted(address) for _ in range(20)]
            for byte in PREFACE:
                for connection in slow:
                    self.send(connection, bytes([byte]))
        self.assertEqual(len(self.nodes()), 4)
        self.finish("small", expected)
        self.assertNotIn("lost", self.hawser("logs", "small")[0])
        # Whoever comes now is let in, too.
        self.join("worker", "--scheduler", self.address, "--tls-dir",
                  f"{self.certs}/worker", "--token-file", self.token("worker"))
        self.stop_cluster()

    def test_another_user_reaches_no_local_socket(self):
        if os.geteuid() != 0:
            self.skipTest("takes root to become another user")
        self.start_cluster(workers=1, servers=1,
                           carriers="shared-memory,unix-socket,tcp")
        inodes = self.sockets_of(next(
            pid for pid, node in self.nodes().items()
            if node["role"] == "server"))
        with open("/proc/net/unix", encoding="utf-8") as file:
            names = {line.split()[-1][1:] for line in file
                     if "@hawser-" in line and line.split()[6] in inodes}
        self.assertEqual(len(names), 2)
        script = ("import os, socket, sys\n"
                  "os.setuid(65534)\n"
                  "for name in sys.argv[1:]:\n"
                  "    peer = socket.socket(socket.AF_UNIX)\n"
                  "    peer.settimeout(60)\n"
                  "    peer.connect('\\0' + name)\n"
                  "    try:\n"
                  "        assert peer.recv(1) == b''\n"
                  "    except ConnectionResetError:\n"
                  "        pass\n")
        subprocess.run(["/usr/bin/python3", "-c", script, *names], check=True)
        self.stop_cluster()

    @staticmethod
    def sockets_of(pid):
        inodes = set()
        for descriptor in os.listdir(f"/proc/{pid}/fd"):
            try:
                target = os.readlink(f"/proc/{pid}/fd/{descriptor}")
            except OSError:
                continue
            if target.startswith("socket:["):
                inodes.add(target[len("socket:["):-1])
        return inodes


if __name__ == "__main__":
    harness.main()
