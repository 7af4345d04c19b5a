"""One job file, a model for each of many users."""

import os
import random
import signal

from tests.integration import harness

GPT = """name: "{name}"
model {{ gpt {{ vocabulary: 300 context: 16 layers: 1 heads: 2 width: 16 }} }}
data {{ text {{ {files} validation_share: 0.2
               tokenizer {{ tokenizer_json: "{tokenizer}" }} }} }}
optimizer {{ adam {{}} }}
learning_rate {{ base: {rate} }}
schedule {{ steps: {steps} global_batch: 4 micro_batches: 2 }}
placement {{ block_elements: 1000 }}
{more}
"""


def sentences(words, count, seed):
    rng = random.Random(seed)
    return "".join(" ".join(rng.choice(words) for _ in range(6)) + ".\n"
                   for _ in range(count))


class PersonaliseTest(harness.ClusterTest):

    def setUp(self):
        super().setUp()
        self.output = f"{self.directory}/hawser-output"
        self.users = f"{self.directory}/users"
        common = "the a ship sails to and from harbour in wind".split()
        self.text = self.write("base.txt", sentences(common, 200, 1))
        self.tokenizer = f"{self.directory}/tokenizer.json"
        self.hawser("tokenizer", "train", "--vocabulary", "300", "--to",
                    self.tokenizer, self.text)
        os.makedirs(f"{self.users}/alice")
        os.makedirs(f"{self.users}/mallory")
        os.makedirs(f"{self.users}/.hidden")
        self.alice = sentences("rope knot deck mast sail".split(), 100, 2)
        self.write("users/alice/1.txt", self.alice[:1000])
        self.write("users/alice/2.txt", self.alice[1000:])
        self.bob = sentences("bread salt oven yeast flour".split(), 100, 3)
        self.write("users/bob.txt", self.bob)
        with open(f"{self.users}/mallory/1.txt", "wb") as file:
            file.write(b"ship \xff\xfe" * 100)

    def gpt(self, name="base", steps=30, rate=0.01, files=None, more=""):
        files = files or [self.text]
        return self.write(f"{name}.textproto", GPT.format(
            name=name, steps=steps, rate=rate, tokenizer=self.tokenizer,
            more=more, files=" ".join(f'files: "{file}"' for file in files)))

    def letters(self, steps=20, rate=0.01, at_once=1, names=()):
        """The job file for all users."""
        names = " ".join(f'names: "{name}"' for name in names)
        path = self.gpt("letters", steps, rate, more=f"""
            from {{ checkpoint: "base" }}
            personalise {{ users: "{self.users}" at_once: {at_once} {names} }}
            """)
        with open(path, encoding="utf-8") as file:
            text = file.read().replace(f'files: "{self.text}"', "")
        return self.write("letters.textproto", text)

    @staticmethod
    def by_user(result):
        return {user["user"]: user for user in result["users"]}

    def written(self, user):
        """When a user's checkpoint was committed."""
        return {path: os.stat(f"{self.output}/letters/{user}/{path}"
                              "/manifest.json").st_mtime_ns
                for path in os.listdir(f"{self.output}/letters/{user}")
                if path.startswith("step-")}

    def eval(self, *arguments):
        return self.hawser_json("eval", *arguments, "--tokenizer",
                                self.tokenizer)

    def test_each_user_has_a_result_of_its_own_and_a_bad_one_fails_alone(self):
        base = self.run_job(self.gpt())
        result = self.run_job(self.letters(), code=1)
        self.assertEqual((result["succeeded"], result["failed"]), (2, 1))
        users = self.by_user(result)
        self.assertEqual(sorted(users), ["alice", "bob", "mallory"])
        self.assertEqual(users["mallory"]["state"], "failed")
        self.assertIn("users/mallory/1.txt: not UTF-8 at byte 5",
                      users["mallory"]["reason"])
        for name in ("alice", "bob"):
            user = users[name]
            self.assertEqual(user["job"], f"letters-{name}")
            self.assertEqual(user["output"],
                             f"{self.output}/letters/{name}/step-20")
            self.assertLess(user["after"]["loss"], user["before"]["loss"] - 0.1)
            # What is told is what the models do on the text held out.
            data = self.eval("--from", f"{self.output}/letters/{name}")
            self.assertEqual(data["loss"], user["after"]["loss"])
        # The model before is the base's, on the same text: as an ordinary job
        # that does not move says.
        still = self.run_job(self.gpt(
            "still", steps=1, rate=1e-30, files=[f"{self.users}/bob.txt"],
            more='from { checkpoint: "base" }'))
        self.assertEqual(still["parameters_sha256"], base["parameters_sha256"])
        self.assertEqual(still["validation"], users["bob"]["before"])
        self.assertEqual(still["validation_before"], users["bob"]["before"])
        # A user's job is the job that one would have written for it.
        alone = self.run_job(self.gpt(
            "alone", steps=20, files=[f"{self.users}/alice"],
            more='from { checkpoint: "base" } resources { workers: 2 }'))
        self.assertEqual(alone["parameters_sha256"],
                         users["alice"]["parameters_sha256"])
        self.assertEqual(alone["validation_before"], users["alice"]["before"])
        self.assert_nothing_left()

    def test_every_user_starts_from_the_bits_of_the_base(self):
        base = self.run_job(self.gpt())
        result = self.run_job(
            self.letters(steps=1, rate=1e-30, at_once=2,
                         names=["alice", "bob.txt"]))
        self.assertEqual(result["succeeded"], 2)
        for user in result["users"]:
            self.assertEqual(user["parameters_sha256"],
                             base["parameters_sha256"])
            self.assertEqual(user["before"], user["after"])
        self.assert_nothing_left()

    def test_run_again_goes_on_with_those_that_are_not_done(self):
        self.run_job(self.gpt())
        path = self.letters(steps=1500)
        run = self.start("run", path)
        for line in run.stderr:
            if line.startswith("[1/3] alice succeeded"):
                break
        run.send_signal(signal.SIGINT)
        _, err = run.communicate(timeout=harness.DEADLINE)
        self.assertEqual(run.returncode, 130, err)
        self.assertIn("run it again", err)
        self.assert_nothing_left()
        self.assertEqual([user for user in
                          os.listdir(f"{self.output}/letters")
                          if self.written(user)], ["alice"])
        before = self.written("alice")
        # What was bad is put right.
        self.write("users/mallory/1.txt", self.bob)
        out, err = self.hawser("run", path)
        self.assertRegex(err, "[123] users were done or under way already")
        self.assertIn("3 of 3 users succeeded, 0 failed", out)
        self.assertEqual(self.written("alice"), before)
        # All are done: told at once.
        again = self.by_user(self.run_job(path))
        self.assertEqual(self.written("alice"), before)
        self.assertEqual(again["alice"]["state"], "succeeded")
        self.assertIn("before", again["alice"])
        # Other settings are another result, which must not pass for this one.
        _, err = self.hawser("run", self.letters(steps=1501), code=1)
        self.assertIn("is done with other settings than these; choose another "
                      "name, or remove", err)
        self.assert_nothing_left()

    def test_on_a_cluster_that_outlives_the_client(self):
        with self.cluster(1, 1, "--data-root", "/"):
            self.hawser("submit", self.gpt(steps=200))
            # Before the base is done; accepted all the same.
            accepted = self.hawser_json(
                "submit", self.letters(names=["alice", "bob.txt"]))
            self.assertEqual(accepted["users_accepted"], 2)
            self.assertEqual(
                [job["name"] for job in self.hawser_json("jobs")],
                ["base", "letters-alice", "letters-bob"])
            out, err = self.hawser("watch", "letters")
            self.assertIn("2 of 2 users succeeded, 0 failed", out)
            self.assertRegex(err, r"\[1/2\] alice succeeded: loss \d")
            self.assertEqual(self.hawser("job", "letters")[0], out)
            self.hawser("export", "letters-bob", "--to",
                        f"{self.directory}/bob", "--data-root", "/")
            self.assertIn("config.json", os.listdir(f"{self.directory}/bob"))
            made = self.hawser_json("generate", "--job", "letters-alice",
                                    "--prompt", "rope", "--max-tokens", "5")
            self.assertEqual(made["tokens"], 5)
            # Once more, with a user that is new.
            again = self.hawser_json("submit", self.letters())
            self.assertEqual(
                (again["users_accepted"], again["users_kept"]), (1, 2))
            _, err = self.hawser("wait", "letters", code=1)
            self.assertIn("job letters-mallory is failed", err)
            self.hawser("cancel", "letters", code=1)
            _, err = self.hawser("submit", self.letters(steps=3), code=2)
            self.assertIn("other settings", err)
        self.assert_nothing_left()

    def test_cancelled_users_are_done_when_submitted_again(self):
        self.run_job(self.gpt())
        path = self.letters(steps=100000, names=["alice", "bob.txt"])
        with self.cluster(1, 1, "--data-root", "/"):
            self.hawser("submit", path)
            self.await_step("letters-alice", 1)
            self.hawser("cancel", "letters-alice")
            self.await_step("letters-bob", 1)
            self.hawser("submit", path)
            self.hawser("cancel", "letters")
            result = self.hawser_json("watch", "letters", code=1)
            self.assertEqual(result["cancelled"], 2)
            self.assertEqual(len(self.hawser_json("jobs")), 2)
        self.assert_nothing_left()

    def test_users_that_cannot_be_listed(self):
        path = self.letters()
        os.rename(self.users, f"{self.directory}/elsewhere")
        _, err = self.hawser("run", path, code=2)
        self.assertIn("cannot list", err)
        self.assertIn("--data-root", err)
        os.makedirs(self.users)
        _, err = self.hawser("run", path, code=2)
        self.assertIn("has no users", err)
        self.assert_nothing_left()


if __name__ == "__main__":
    harness.main()
