"""The dashboard in a real browser (Chromium): jobs are seen to move, curves
grow, a job is cancelled, and the page outlives its scheduler. Screenshots are
kept as the test's outputs."""

import json
import os
import signal
import unittest
import urllib.error
import urllib.request

from tests.integration import harness, webdriver

GPT = """name: "{name}"
model {{ gpt {{ vocabulary: 256 context: 32 layers: 2 heads: 2 width: 32 }} }}
data {{ text {{ files: "{text}" validation_share: 0.1 }} }}
optimizer {{ adamw {{ }} clip_global_norm: 1 }}
learning_rate {{ base: 0.003 }}
schedule {{ epochs: {epochs} global_batch: 8 micro_batches: 4 }}
placement {{ block_elements: 4096 }}
checkpoint {{ every_epochs: 2 keep_last: 3 }}
resources {{ workers: 2 servers: 2 }}
{more}
"""
OUTPUTS = os.environ.get("TEST_UNDECLARED_OUTPUTS_DIR", "")


@unittest.skipUnless(webdriver.is_installed(),
                     "needs chromium and chromium-driver")
class DashboardTest(harness.ClusterTest):

    def setUp(self):
        super().setUp()
        words = "in the beginning was the word and the word was with".split()
        text = " ".join(words[i * i % 11 % len(words)] for i in range(4000))
        self.text = self.write("text.txt", text)

    def submit(self, name, epochs=100000, more=""):
        self.hawser("submit", self.write(f"{name}.textproto", GPT.format(
            name=name, text=self.text, epochs=epochs, more=more)))

    def url(self):
        with open(f"{self.state}/dashboard.address", encoding="utf-8") as file:
            return f"http://{file.read()}"

    def fetch(self, path, method="GET", **headers):
        request = urllib.request.Request(self.url() + path, method=method,
                                         headers=headers)
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.read().decode()

    def keep(self, browser, name):
        if OUTPUTS:
            browser.screenshot(os.path.join(OUTPUTS, f"{name}.png"))

    def assert_fits(self, browser):
        """No sideways scrolling of the page, once it is laid out."""
        browser.await_that("no sideways scrolling", lambda: browser.run(
            "const box = document.documentElement;"
            "return box.scrollWidth <= box.clientWidth"))

    def points(self, browser):
        """Of the curve of the loss."""
        path = browser.run("return document.querySelector("
                           "'.chart path.training').getAttribute('d') || ''")
        return path.count("L")

    def step(self, browser):
        return int(browser.text(".six .tile:first-child b").replace(",", ""))

    def test_a_job_is_seen_to_move_and_is_cancelled(self):
        with self.cluster(2, 2, "--data-root", "/"), \
                webdriver.Browser() as browser:
            browser.resize(1280, 860)
            browser.colours("light")
            browser.open(self.url())
            browser.await_text("#link", "live")
            browser.await_text("main", "No job yet")
            browser.await_text("table", "server")
            self.submit("moves")
            browser.await_text(".jobs", "moves")
            browser.await_text(".jobs .pill", "running")
            self.keep(browser, "cluster-light")
            browser.click(".jobs .name")
            browser.await_text("h1", "moves")
            browser.await_text(".title .pill", "running")
            # It moves without anybody doing anything.
            before = self.step(browser)
            browser.await_that("steps", lambda: self.step(browser) > before)
            browser.await_that("a curve", lambda: self.points(browser) > 5)
            points = self.points(browser)
            browser.await_that("a longer curve",
                               lambda: self.points(browser) > points)
            browser.await_text(".events", "validation perplexity")
            self.check_members(browser)
            browser.await_that("a checkpoint", lambda: browser.run(
                "return document.querySelector('[aria-label=Checkpoints] td')"
                "?.textContent"))
            self.check_chart(browser)
            self.check_events(browser)
            self.keep(browser, "job-light")
            browser.colours("dark")
            self.keep(browser, "job-dark")
            browser.resize(360, 740, phone=True)
            self.assert_fits(browser)
            self.keep(browser, "job-phone")
            browser.colours("light")
            browser.resize(1280, 860)
            # It asks first.
            browser.click("#cancel")
            browser.await_text("#cancel-title", "Cancel moves?")
            browser.click("#cancel-dialog button[value=no]")
            self.assertEqual(self.hawser_json("job", "moves")["state"],
                             "running")
            browser.click("#cancel")
            browser.click("#cancel-dialog button[value=yes]")
            browser.await_text(".title .pill", "cancelled")
            self.hawser("wait", "moves", "--for=cancelled")
            self.assertEqual(browser.text("#cancel"), "")
            browser.click(".crumbs a")
            browser.await_text(".jobs .pill", "cancelled")
            browser.resize(360, 740, phone=True)
            self.assert_fits(browser)
            self.keep(browser, "cluster-phone")
            self.assertEqual(browser.console(), [])
        self.assert_nothing_left()

    def check_members(self, browser):
        rows = "return document.querySelectorAll(" \
            "'[aria-label=%s] tbody tr').length"
        browser.await_that("two workers",
                           lambda: browser.run(rows % "Workers") == 2)
        browser.await_that("two servers",
                           lambda: browser.run(rows % "Servers") == 2)
        # What servers tell comes with their heartbeats.
        browser.await_text("[aria-label=Workers] td", "tokens/s")
        browser.await_text("[aria-label=Servers] td", "iB/s")
        browser.await_that("words that have room", lambda: browser.run(
            "return [...document.querySelectorAll('td .live')].every("
            "(one) => one.scrollWidth <= one.clientWidth)"))
        self.assertIn("every gradient is of the newest", browser.text("main"))

    def check_events(self, browser):
        """The newest are shown, and older ones if they are asked for."""
        count = "return document.querySelectorAll('.events li').length"
        browser.await_text("#older", "older")
        self.assertEqual(browser.run(count), 40)
        browser.click("#older")
        self.assertGreater(browser.run(count), 40)
        browser.run("scrollTo(0, 0)")

    def check_chart(self, browser):
        """Values are read by the keyboard alone."""
        browser.run("document.querySelector('.plot').focus()")
        browser.call("POST", "/actions", {"actions": [{
            "type": "key", "id": "keys", "actions": [
                {"type": "keyDown", "value": "\ue014"},
                {"type": "keyUp", "value": "\ue014"}]}]})
        browser.await_text(".tip", "step")
        browser.await_text(".tip", "training")

    def test_staleness_is_shown_where_there_is_some(self):
        with self.cluster(2, 2, "--data-root", "/"), \
                webdriver.Browser() as browser:
            self.submit("stale", more="synchronisation { mode: ASYNCHRONOUS }")
            self.submit("waits")
            browser.open(self.url() + "/#/jobs/stale")
            browser.await_text(".histogram", "%")
            browser.await_text("main", "asynchronous")
            browser.open(self.url() + "/#/jobs/waits")
            browser.await_text(".job-page > .reason", "needs 2 workers")
            browser.open(self.url() + "/#/jobs/nobody")
            browser.await_text("main", "no job named nobody")
            self.assertEqual(browser.console(), [])
        self.assert_nothing_left()

    def test_the_page_outlives_its_scheduler(self):
        with self.cluster(2, 2, "--data-root", "/"), \
                webdriver.Browser() as browser:
            self.submit("goes-on")
            browser.open(self.url() + "/#/jobs/goes-on")
            browser.await_text("#link", "live")
            browser.await_text(".events", "validation perplexity")
            os.kill(self.processes("hawser-scheduler")[0], signal.SIGKILL)
            browser.await_text("#banner", "No news since")
            # `up` starts it again at its addresses, and the page finds it.
            browser.await_text("#link", "live")
            browser.await_text("main", "The scheduler has restarted")
            before = self.step(browser)
            browser.await_that("steps", lambda: self.step(browser) > before)
        self.assert_nothing_left()

    def test_numbers_are_written_for_people(self):
        with self.cluster(1, 1), webdriver.Browser() as browser:
            browser.open(self.url())
            texts = browser.run_async("""
                const f = await import('/format.js');
                const {ticks, range, nearest, thin} =
                  await import('/scale.js');
                const {parse, Store} = await import('/store.js');
                const tens = [0, 10, 20].map((x) => ({x}));
                return [
                  f.short(0), f.short(950), f.short(18432), f.short(999999),
                  f.short(1.25e6), f.short(0.01234),
                  f.duration(4.2), f.duration(200), f.duration(3720),
                  f.duration(0), f.bytes(512), f.bytes(3 << 20),
                  ticks(0, 10, 5).join(), ticks(0.2, 0.9, 4).join(),
                  nearest(tens, 14, (point) => point.x),
                  nearest(tens, 16, (point) => point.x),
                  range([5, 5])[0] < 5 && range([5, 5])[1] > 5,
                  range([]).join(),
                  thin([0, 1, 2, 3, 3.5], (x) => x, 2).join(),
                  thin([], (x) => x, 2).join(),
                  parse('{"step": "12", "name": "12"}').step + 1,
                  parse('{"step": "12", "name": "12"}').name + 1,
                ].map(String);""")
            self.assertEqual(texts, [
                "0", "950", "18.4k", "1.00M", "1.25M", "0.0123",
                "4.2s", "3m 20s", "1h 02m", "–", "512 B", "3.0 MiB",
                "0,2,4,6,8,10", "0.2,0.4,0.6,0.8", "1", "2", "true", "0,1",
                "0,2,3.5", "", "13", "121"])
        self.assert_nothing_left()


class DashboardServiceTest(harness.ClusterTest):
    """Without a browser."""

    def test_where_it_is_and_who_may_ask(self):
        out, err = self.hawser("up", "--state-dir", self.state, "--listen",
                               "127.0.0.1:0", "--workers", "1", "--servers",
                               "1", "-o", "json")
        url = json.loads(out)["dashboard"]
        self.assertRegex(url, r"^http://127\.0\.0\.1:\d+$")
        self.assertEqual(err, f"dashboard {url}\n")
        try:
            with urllib.request.urlopen(url + "/api/snapshot") as reply:
                update = json.load(reply)
            self.assertEqual(update["workers"], 1)
            for path, headers, code in (
                    ("/api/snapshot", {"Host": "evil.example"}, 421),
                    ("/api/snapshot?job=nobody", {}, 404),
                    ("/api/cancel?job=nobody", {}, 405),
                    ("/../etc/passwd", {}, 404)):
                with self.assertRaises(urllib.error.HTTPError) as refused:
                    urllib.request.urlopen(
                        urllib.request.Request(url + path, headers=headers))
                self.assertEqual(refused.exception.code, code, path)
                refused.exception.close()
        finally:
            self.hawser("down", "--state-dir", self.state)
        self.assert_nothing_left()

    def test_there_is_none_when_none_is_wanted(self):
        job = self.job(epochs=1)
        out, err = self.hawser("run", job, "--no-dashboard", "-o", "json")
        self.assertEqual(json.loads(out)["state"], "succeeded")
        self.assertNotIn("dashboard", err)
        _, err = self.hawser("run", job)
        self.assertRegex(err, r"dashboard http://127\.0\.0\.1:\d+\n")
        _, err = self.hawser("--http-listen", "0.0.0.0:0", "--listen",
                             "127.0.0.1:0", program="hawser-scheduler", code=1)
        self.assertIn("refusing to listen on 0.0.0.0:0", err)
        self.assert_nothing_left()


if __name__ == "__main__":
    harness.main()
