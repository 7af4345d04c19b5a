"""Signing in on the dashboard, in Chromium and over TLS: who sees and who
cancels is as the tokens say."""

import unittest

from tests.integration import harness, webdriver
from tests.integration.secure_cluster import SecureClusterTest


@unittest.skipUnless(webdriver.is_installed(),
                     "needs chromium and chromium-driver")
class SignInTest(SecureClusterTest):

    def setUp(self):
        super().setUp()
        self.add_token("view", "ann")
        self.add_token("submit", "ben")
        self.add_token("view", "eve", "2020-01-01T00:00:00Z")
        address = f"{self.directory}/http"
        self.start_cluster(1, 1, of_scheduler=(
            "--http-listen", "127.0.0.1:0", "--http-port-file", address))
        with open(address, encoding="utf-8") as file:
            self.url = f"https://{file.read()}"
        self.hawser("submit", self.job("waits", workers=2))

    def tearDown(self):
        for daemon in self.daemons:
            daemon.kill()
            daemon.communicate()
        super().tearDown()

    def sign_in(self, browser, token):
        browser.await_text("#sign-in-dialog", "This scheduler wants a token")
        browser.type("#token", token)
        browser.click("#sign-in-dialog button[value=yes]")

    def job_state(self):
        return self.hawser_json("job", "waits")["state"]

    def test_tokens_decide_who_sees_and_who_cancels(self):
        with webdriver.Browser(takes_any_certificate=True) as browser:
            browser.open(self.url)
            self.check_refusals(browser)
            self.sign_in(browser, "token-of-ann")
            browser.await_text(".jobs", "waits")
            browser.click(".jobs .name")
            browser.await_text(".title .pill", "queued")
            self.check_that_it_stays_in_the_tab(browser)
            self.try_to_cancel(browser)
            browser.await_text("#cancel-error", "ann has the role view, and "
                               "this takes submit")
            self.assertEqual(self.job_state(), "queued")
            browser.click("#cancel-dialog button[value=no]")
            browser.click("#sign-in")  # out
            self.sign_in(browser, "token-of-ben")
            browser.await_text("#link", "live")
            self.try_to_cancel(browser)
            browser.await_text(".title .pill", "cancelled")
        self.assertEqual(self.job_state(), "cancelled")
        self.check_access_log()
        self.stop_cluster()

    def check_refusals(self, browser):
        with open(self.token("worker"), encoding="utf-8") as file:
            worker = file.read().strip()
        for token, reason in (
                ("no-token-at-all", "not in the daemon's tokens file"),
                ("token-of-eve", "the token of eve has expired"),
                (worker, "has the role worker, and this takes")):
            self.sign_in(browser, token)
            browser.await_text("#sign-in-error", reason)
            self.assertNotIn("waits", browser.text("main"))

    def check_that_it_stays_in_the_tab(self, browser):
        self.assertNotIn("token-of", browser.run(
            "return location.href + document.cookie + "
            "JSON.stringify(localStorage) + document.referrer"))
        browser.run("location.reload()")
        browser.await_text(".title .pill", "queued")

    def try_to_cancel(self, browser):
        browser.click("#cancel")
        browser.click("#cancel-dialog button[value=yes]")

    def check_access_log(self):
        tried = [(entry["who"], entry["result"], entry.get("refused", False))
                 for entry in self.access_log()
                 if "CancelJob" in entry["method"] or
                 "/api/cancel" in entry["method"]]
        self.assertEqual(tried, [("ann", "PERMISSION_DENIED", True),
                                 ("ben", "OK", False)])


if __name__ == "__main__":
    harness.main()
