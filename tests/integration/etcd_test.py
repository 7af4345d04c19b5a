"""Three schedulers with one etcd: the leader is killed, stopped and cut off."""

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import unittest
import urllib.error
import urllib.request

from tests.integration import harness, webdriver

LONG = 600  # epochs of the small job: some seconds
LEASE = "2"  # seconds


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class EtcdTest(harness.ClusterTest):

    def setUp(self):
        super().setUp()
        self.etcd = None
        self.etcd_port = 0
        self.started = 0
        self.schedulers = {}  # by address
        self.members = []

    def tearDown(self):
        if self.etcd is not None:
            self.etcd.kill()
            self.etcd.communicate()
        super().tearDown()

    # --- Processes ---

    def start_etcd(self, *arguments, scheme="http"):
        """Ports of etcd's must be named: another try if one was taken."""
        program = shutil.which("etcd", path="/usr/bin:/usr/local/bin")
        if program is None:
            self.skipTest("etcd is not installed (Debian's etcd-server)")

        def is_up():
            if self.etcd is None or self.etcd.poll() is not None:
                self.etcd_port = free_port()
                url = f"{scheme}://127.0.0.1:{self.etcd_port}"
                peer = f"http://127.0.0.1:{free_port()}"
                self.etcd = subprocess.Popen(
                    [program, "--data-dir", f"{self.directory}/etcd",
                     "--listen-client-urls", url,
                     "--advertise-client-urls", url,
                     "--listen-peer-urls", peer,
                     "--initial-advertise-peer-urls", peer,
                     "--initial-cluster", f"default={peer}", *arguments],
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL)
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.etcd_port)) == 0
        self.await_that("etcd", is_up)

    def start_scheduler(self, *arguments):
        self.started += 1
        port = f"{self.directory}/port-{self.started}"
        process = self.start(
            "--listen", "127.0.0.1:0", "--etcd",
            f"127.0.0.1:{self.etcd_port}", "--etcd-prefix", "/test",
            "--state-dir", f"{self.directory}/state-{self.started}",
            "--leader-lease-seconds", LEASE, "--port-file", port,
            "--lease-ms", "5000", "--heartbeat-ms", "500", *arguments,
            program="hawser-scheduler")
        self.await_that("a scheduler", lambda: os.path.exists(port) and
                        os.path.getsize(port) != 0)
        with open(port, encoding="utf-8") as file:
            address = file.read()
        self.schedulers[address] = process
        return address

    def start_cluster(self, workers=2, servers=2):
        self.start_etcd()
        for _ in range(3):
            self.start_scheduler()
        addresses = ",".join(self.schedulers)
        self.environment["HAWSER_SCHEDULER"] = addresses
        self.leader()
        for _ in range(servers):
            self.members.append(self.start("--scheduler", addresses,
                                           program="hawser-server"))
        for _ in range(workers):
            self.members.append(self.start("--scheduler", addresses,
                                           "--data-root", "/",
                                           program="hawser-worker"))
        self.await_that("all members",
                        lambda: len(self.nodes()) == workers + servers)

    def stop_cluster(self):
        for process in [*self.members, *self.schedulers.values()]:
            process.terminate()
            process.communicate(timeout=harness.DEADLINE)
            self.assertEqual(process.returncode, 0)
        self.assert_nothing_left()

    # --- What is asked ---

    def ask(self, address, *arguments):
        process = self.start("--scheduler", address, *arguments)
        out, err = process.communicate(timeout=2 * harness.DEADLINE)
        return process.returncode, out, err

    def leader(self, but=None):
        """The address of the one that answers, once there is one."""
        def found():
            for address, process in self.schedulers.items():
                if address != but and process.poll() is None:
                    if self.ask(address, "jobs")[0] == 0:
                        return address
            return None
        return self.await_that("a leader", found)

    def nodes(self):
        return {node["node"]: node["process"]
                for node in self.hawser_json("nodes")}

    def start_job(self):
        """Its path, and the members that are at work."""
        path = self.job(epochs=LONG, servers=2)
        self.start_cluster()
        self.hawser("submit", path)
        self.await_step("small", 50)
        return path, self.nodes()

    def finish(self, path, members):
        """As if nothing had been, and by the same processes."""
        self.hawser("wait", "small", "--timeout", "100")
        job = self.hawser_json("job", "small")
        self.assertEqual(job["state"], "succeeded", job)
        self.assertEqual(self.nodes(), members)
        self.assertEqual(sorted(members.values()),
                         sorted(member.pid for member in self.members))
        undisturbed = self.run_job(path)
        self.assertEqual(job["parameters_sha256"],
                         undisturbed["parameters_sha256"])
        self.assertEqual([epoch["training"] for epoch in job["epochs_done"]],
                         [epoch["training"] for epoch in
                          undisturbed["epochs_done"]])

    # --- Tests ---

    def test_another_leads_when_the_leader_is_killed(self):
        path, members = self.start_job()
        lost = self.leader()
        self.schedulers[lost].kill()
        self.schedulers.pop(lost).communicate()
        self.leader()  # a command that is given before that fails
        self.finish(path, members)
        self.assertIn("4 of 4 members are back",
                      self.hawser("logs", "small")[0])
        self.stop_cluster()

    def test_a_leader_that_was_stopped_does_no_harm(self):
        path, members = self.start_job()
        old = self.leader()
        self.schedulers[old].send_signal(signal.SIGSTOP)
        new = self.leader(but=old)
        self.schedulers[old].send_signal(signal.SIGCONT)
        code, _, err = self.ask(old, "jobs")
        self.assertEqual(code, 3, err)
        self.assertEqual(self.leader(), new)
        # Whoever stands by says who leads.
        self.await_that("its name", lambda: f"{new} leads" in self.ask(
            old, "jobs")[2])
        self.finish(path, members)
        self.stop_cluster()

    def test_work_goes_on_while_etcd_is_away(self):
        path, members = self.start_job()
        self.etcd.send_signal(signal.SIGSTOP)

        def nobody_leads():
            code, _, err = self.ask(",".join(self.schedulers), "jobs")
            return code == 3 and "etcd does not answer" in err
        self.await_that("nobody leads", nobody_leads)
        code, _, _ = self.ask(",".join(self.schedulers), "submit",
                              self.job("other"))
        self.assertEqual(code, 3)
        self.etcd.send_signal(signal.SIGCONT)
        self.leader()
        self.finish(path, members)
        self.stop_cluster()

    def test_a_leader_that_is_ended_hands_over(self):
        self.start_cluster(1, 1)
        self.hawser("submit", self.job("waits", workers=3))
        self.hawser("submit", self.job("ends", epochs=2, workers=1))
        self.hawser("wait", "ends")
        old = self.leader()
        watch = self.start("watch", "waits")
        self.assertTrue(watch.stderr.readline())
        self.schedulers[old].terminate()
        self.schedulers[old].communicate(timeout=harness.DEADLINE)
        self.assertEqual(self.schedulers.pop(old).returncode, 0)
        self.leader()
        jobs = {job["name"]: job for job in self.hawser_json("jobs")}
        self.assertEqual(jobs["waits"]["state"], "queued")
        self.assertEqual(jobs["ends"]["state"], "succeeded")
        self.hawser("cancel", "waits")
        watch.communicate(timeout=harness.DEADLINE)
        self.assertEqual(watch.returncode, 1)  # cancelled
        self.stop_cluster()

    def start_with_dashboard(self):
        """Returns (address, URL of the dashboard)."""
        http = f"{self.directory}/http-{self.started}"
        address = self.start_scheduler("--http-listen", "127.0.0.1:0",
                                       "--http-port-file", http)
        with open(http, encoding="utf-8") as file:
            return address, f"http://{file.read()}"

    @unittest.skipUnless(webdriver.is_installed(),
                         "needs chromium and chromium-driver")
    def test_the_dashboard_of_one_that_stands_by_shows_the_way(self):
        self.start_etcd()
        leader, leaders_url = self.start_with_dashboard()
        self.environment["HAWSER_SCHEDULER"] = leader
        self.leader()
        self.hawser("submit", self.job("waits"))
        other, url = self.start_with_dashboard()
        self.await_that("its name", lambda: f"{leader} leads" in self.ask(
            other, "jobs")[2])
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(url + "/api/snapshot")
        self.assertEqual(refused.exception.code, 503)
        told = json.load(refused.exception)
        self.assertIn(f"{leader} leads", told["standing_by"])
        self.assertEqual(told["leaders_dashboard"], leaders_url)
        with webdriver.Browser() as browser:
            browser.open(url + "/#/jobs/waits")
            browser.await_text("#standby", f"{leader} leads")
            browser.click("#standby a")
            browser.await_text("h1", "waits")
            self.assertTrue(browser.run("return location.href").startswith(
                f"{leaders_url}/#/jobs/waits"))
            # It leads, and has something to show.
            browser.open(url + "/#/jobs/waits")
            browser.await_text("#standby", "stands by")
            self.schedulers[leader].kill()
            self.schedulers.pop(leader).communicate()
            browser.await_text("h1", "waits")
            self.assertEqual(browser.text("#standby"), "")
        self.stop_cluster()

    def make_certificates(self):
        """A directory with tls.crt, tls.key and ca.crt for 127.0.0.1."""
        directory = os.path.join(self.directory, "tls")
        os.makedirs(directory)
        extensions = self.write("san", "subjectAltName=IP:127.0.0.1")
        for words in (
                "req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=ca "
                "-keyout ca.key -out ca.crt",
                "req -newkey rsa:2048 -nodes -subj /CN=hawser "
                "-keyout tls.key -out tls.csr",
                "x509 -req -days 1 -in tls.csr -CA ca.crt -CAkey ca.key "
                f"-CAcreateserial -out tls.crt -extfile {extensions}"):
            subprocess.run(["openssl", *words.split()], cwd=directory,
                           check=True, capture_output=True)
        return directory

    def enable_authentication(self, tls, password):
        context = ssl.create_default_context(cafile=f"{tls}/ca.crt")
        context.load_cert_chain(f"{tls}/tls.crt", f"{tls}/tls.key")

        def post(path, **fields):
            request = urllib.request.Request(
                f"https://127.0.0.1:{self.etcd_port}/v3/auth/{path}",
                json.dumps(fields).encode())
            urllib.request.urlopen(request, context=context).close()
        post("user/add", name="root", password=password)
        post("role/add", name="root")
        post("user/grant", user="root", role="root")
        post("enable")

    def test_etcd_may_ask_for_a_certificate_and_a_password(self):
        if shutil.which("openssl") is None:
            self.skipTest("openssl is not installed")
        tls = self.make_certificates()
        self.start_etcd("--cert-file", f"{tls}/tls.crt",
                        "--key-file", f"{tls}/tls.key", "--client-cert-auth",
                        "--trusted-ca-file", f"{tls}/ca.crt", scheme="https")
        self.enable_authentication(tls, "secret")
        password = self.write("password", "secret\n")
        wrong = self.write("wrong", "guess\n")
        self.start_scheduler("--etcd-tls-dir", tls, "--etcd-user", "root",
                             "--etcd-password-file", wrong)
        refused = self.schedulers.popitem()
        self.await_that("a refusal", lambda: "etcd does not answer" in self.ask(
            refused[0], "jobs")[2])
        refused[1].terminate()
        refused[1].communicate()
        self.start_scheduler("--etcd-tls-dir", tls, "--etcd-user", "root",
                             "--etcd-password-file", password)
        self.environment["HAWSER_SCHEDULER"] = self.leader()
        self.hawser("submit", self.job("waits"))
        self.stop_cluster()

    def test_bad_flags_are_named(self):
        for arguments, says in (
                (("--etcd", "http://127.0.0.1:1"), "HOST:PORT"),
                (("--etcd", "a:1", "--etcd-prefix", "x/"), "--etcd-prefix"),
                (("--etcd", "a:1", "--leader-lease-seconds", "1"),
                 "--leader-lease-seconds"),
                (("--etcd", "a:1", "--etcd-user", "x"),
                 "--etcd-password-file"),
                (("--etcd", "a:1", "--etcd-tls-dir", "/nowhere"),
                 "/nowhere")):
            with self.subTest(arguments):
                _, err = self.hawser("--listen", "127.0.0.1:0", *arguments,
                                     program="hawser-scheduler", code=1)
                self.assertIn(says, err)


if __name__ == "__main__":
    harness.main()
