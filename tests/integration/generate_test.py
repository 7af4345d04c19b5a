"""`hawser generate` and `hawser eval` on models trained by real processes."""

import json
import math
import os
import signal
import subprocess

from tests.integration import harness

GPT_JOB = """name: "{name}"
model {{ gpt {{ vocabulary: {vocabulary} context: 24 layers: 1 heads: 2
               width: 32 {settings} }} }}
data {{ {data} }}
optimizer {{ adamw {{ }} }}
learning_rate {{ base: 0.01 warmup_steps: 10 }}
schedule {{ steps: {steps} global_batch: 16 micro_batches: 4 }}
resources {{ workers: 1 servers: 1 }}
"""


class GenerateTest(harness.ClusterTest):

    def setUp(self):
        super().setUp()
        self.text = self.write("abc.txt", "abc" * 1000)

    def gpt_job(self, name="tiny", steps=20, vocabulary=256, settings="",
                data=None):
        data = data or f'text {{ files: "{self.text}" }}'
        return self.write(f"{name}.textproto", GPT_JOB.format(
            name=name, steps=steps, vocabulary=vocabulary, settings=settings,
            data=data))

    def train(self, *arguments, **settings):
        """Runs a job of its own and returns its last status."""
        return self.run_job(self.gpt_job(**settings), "--output-root",
                            f"{self.directory}/output", *arguments)

    def generate(self, *arguments, code=0):
        return self.hawser("generate", *arguments, code=code)

    def test_continues_a_pattern(self):
        with self.cluster(1, 1, "--data-root", "/"):
            self.hawser("submit", self.gpt_job(steps=200), "--watch")
            model = ("--job", "tiny")
            out, err = self.generate(*model, "--prompt", "abcab",
                                     "--temperature", "0", "--max-tokens", "70")
            # Far beyond the context.
            self.assertEqual(out, ("cab" * 24)[:70])
            self.assertIn("70 tokens in", err)
            made = self.hawser_json("generate", *model, "--prompt", "abcab",
                                    "--temperature", "0", "--max-tokens", "4")
            self.assertEqual(
                (made["text"], made["tokens"], made["prompt_tokens"],
                 made["stopped"]), ("cabc", 4, 5, "max_tokens"))
            self.check_evaluation(self.hawser_json("job", "tiny"))
        self.assert_nothing_left()

    def check_evaluation(self, job):
        found = self.hawser_json("eval", "--job", "tiny", "--threads", "2")
        self.assertEqual(found.pop("tokens"), found.pop("bytes"))
        self.assertEqual(found, job["validation"])
        self.assertAlmostEqual(found["bits_per_byte"],
                               found["loss"] / math.log(2))
        out = self.hawser("eval", "--job", "tiny")[0]
        self.assertIn(f"loss        {found['loss']:.4f}", out)
        self.assertIn("bits/byte", out)
        # Other text is not what was learned.
        other = self.write("other.txt", "cba" * 100)
        found = self.hawser_json("eval", "--job", "tiny", "--data", other)
        self.assertGreater(found["loss"], 3)
        # The same model as a directory.
        target = f"{self.directory}/exported"
        self.hawser("export", "tiny", "--to", target)
        again = self.hawser_json("eval", "--model", target, "--tokenizer",
                                 "bytes", "--data", other)
        self.assertAlmostEqual(again["loss"], found["loss"], places=4)
        out, _ = self.generate("--model", target, "--tokenizer", "bytes",
                               "--prompt", "abcab", "--temperature", "0",
                               "--max-tokens", "4")
        self.assertEqual(out, "cabc")
        _, err = self.hawser("eval", "--model", target, "--tokenizer", "bytes",
                             code=2)
        self.assertIn("--data", err)

    def test_from_a_checkpoint_without_a_cluster(self):
        job = self.train(steps=20)
        model = ("--from", job["output"])
        texts = [self.generate(*model, "--prompt", "ab", "--seed", seed,
                               "--max-tokens", "40", *more)[0]
                 for seed, more in (("1", ()), ("1", ("--threads", "3")),
                                    ("2", ()))]
        self.assertEqual(texts[0], texts[1])
        self.assertNotEqual(texts[0], texts[2])
        # Prompts by file and by stdin are the same.
        prompt = self.write("prompt.txt", "ab")
        by_file = self.generate(*model, "--prompt-file", prompt, "--seed", "1",
                                "--max-tokens", "40")[0]
        self.assertEqual(by_file, texts[0])
        process = subprocess.run(
            [f"{self.bin}/hawser", "generate", *model, "--prompt", "-",
             "--seed", "1", "--max-tokens", "40"], input=b"ab",
            env=self.environment, capture_output=True, check=True)
        self.assertEqual(process.stdout.decode(), texts[0])
        # Without a prompt there is a start all the same; nothing is made of
        # half a character.
        made = self.hawser_json("generate", *model, "--temperature", "9",
                                "--max-tokens", "100")
        self.assertEqual((made["prompt_tokens"], made["tokens"]), (1, 100))
        self.assertEqual(
            self.hawser_json("eval", *model)["loss"], job["validation"]["loss"])

    def test_models_of_other_settings(self):
        job = self.train(
            steps=40, settings="key_value_heads: 1 positions: ROTARY "
            "normalisation: RMS_NORM feed_forward: FEED_FORWARD_SWIGLU "
            "no_biases: true untied_head: true dropout: 0.1")
        model = ("--from", job["output"])
        out, _ = self.generate(*model, "--prompt", "abcabc", "--top-k", "1",
                               "--max-tokens", "50")
        self.assertEqual(out, ("abc" * 17)[:50])
        self.assertEqual(
            self.hawser_json("eval", *model)["loss"], job["validation"]["loss"])

    def test_mlp_has_loss_and_accuracy(self):
        job = self.run_job(self.job("mlp"))
        found = self.hawser_json("eval", "--from", job["output"])
        self.assertEqual(found, job["validation"])
        self.assertIn("accuracy", self.hawser("eval", "--from",
                                              job["output"])[0])
        _, err = self.generate("--from", job["output"], code=2)
        self.assertIn("is not a language model", err)
        _, err = self.hawser("eval", "--from", job["output"], "--data",
                             self.text, code=2)
        self.assertIn("is not a language model", err)

    def test_ctrl_c_ends_it(self):
        job = self.train(steps=5)
        process = self.start("generate", "--from", job["output"],
                             "--max-tokens", "1000000000", "--temperature",
                             "0.1", "--prompt", "a")
        self.assertNotEqual(process.stdout.read(1), "")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=harness.DEADLINE)
        self.assertEqual(process.returncode, 130)
        self.assertIn("tokens/s", err)
        # A reader that has seen enough.
        process = self.start("generate", "--from", job["output"],
                             "--max-tokens", "1000000000")
        process.stdout.read(1)
        process.stdout.close()
        self.assertEqual(process.wait(timeout=harness.DEADLINE), 1)
        process.stderr.close()

    def test_what_goes_wrong(self):
        _, err = self.generate("--prompt", "a", code=2)
        self.assertIn("--job, --from or --model", err)
        _, err = self.generate("--from", "/nowhere", code=4)
        self.assertIn("/nowhere", err)
        _, err = self.generate("--model", "/nowhere", code=4)
        self.assertIn("/nowhere", err)
        _, err = self.generate("--job", "tiny", "--scheduler", "127.0.0.1:1",
                               code=3)
        with self.cluster(1, 1, "--data-root", "/"):
            self.generate("--job", "tiny", code=4)
            self.hawser("eval", "--job", "tiny", code=4)
            self.hawser("submit", self.job("large", workers=9))
            _, err = self.generate("--job", "large", code=4)
            self.assertIn("no checkpoint yet", err)
        job = self.train(steps=1)
        model = ("--from", job["output"])
        for flag, value in (("--temperature", "-1"), ("--top-k", "-1"),
                            ("--top-p", "0"), ("--top-p", "1.5"),
                            ("--max-tokens", "-1"), ("--threads", "-1")):
            self.generate(*model, f"{flag}={value}", code=2)
        _, err = self.generate(*model, "--prompt-file", "/nowhere", code=4)
        _, err = self.generate(*model, "--tokenizer", self.text, code=2)
        self.assertIn("--tokenizer is", err)
        _, err = self.hawser("eval", *model, "--data", "/nowhere", code=4)
        self.assertIn("nowhere", err)

    def test_tokenizer_must_fit_the_model(self):
        # Two tokens: what llm.c calls a file of uint16.
        tokens = os.path.join(self.directory, "tokens.bin")
        with open(tokens, "wb") as file:
            file.write(b"\0\0\1\0" * 500)
        job = self.train(steps=40, vocabulary=2,
                         data=f'tokens {{ train: "{tokens}" }}')
        model = ("--from", job["output"])
        _, err = self.generate(*model, code=2)
        self.assertIn("name it with --tokenizer", err)
        _, err = self.generate(*model, "--tokenizer", "bytes", code=2)
        self.assertIn("the tokenizer has 256 tokens", err)
        found = self.hawser_json("eval", *model)
        self.assertEqual(found["loss"], job["validation"]["loss"])
        self.assertNotIn("bits_per_byte", found)
        # A vocabulary of bytes, written as a tokenizer.json of two.
        vocabulary = self.write("tokenizer.json", json.dumps({
            "model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []},
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False,
                              "use_regex": True},
            "decoder": {"type": "ByteLevel"}}))
        out, _ = self.generate(*model, "--tokenizer", vocabulary, "--prompt",
                               "abab", "--temperature", "0", "--max-tokens",
                               "6")
        self.assertEqual(out, "ababab")
        _, err = self.generate(*model, "--tokenizer", vocabulary, "--prompt",
                               "abz", code=2)
        self.assertIn("the prompt", err)


if __name__ == "__main__":
    harness.main()
