"""Jobs that start from the parameters of others, and what is exported."""

import json
import os
import subprocess

from tests.integration import harness

# One step at a rate that moves no float32: what a job starts from is what it
# ends with.
STILL = ("schedule { epochs: 3 global_batch: 32 micro_batches: 8 }",
         "schedule { steps: 1 global_batch: 32 micro_batches: 8 }")

GPT = """name: "{name}"
model {{ gpt {{ vocabulary: 256 context: 16 layers: 2 heads: 4 width: 32 {model} }} }}
data {{ text {{ files: "{data}" }} }}
optimizer {{ sgd {{}} }}
learning_rate {{ base: {rate} }}
schedule {{ steps: {steps} global_batch: 4 micro_batches: 2 }}
placement {{ block_elements: 1000 }}
resources {{ servers: 2 }}
seed: {seed}
{more}
"""
CHECK = "tests/interop/transformers_check.py"
GOLDEN = "tests/golden/huggingface"
LLAMA = ("key_value_heads: 2 normalisation: RMS_NORM positions: ROTARY "
         "feed_forward: FEED_FORWARD_SWIGLU no_biases: true untied_head: true")
GOLDENS = {"gpt2": "",
           "llama": LLAMA + " feed_forward_width: 40 rotary_base: 500 "
                            "normalisation_epsilon: 1e-6"}


class FromTest(harness.ClusterTest):

    def setUp(self):
        super().setUp()
        self.text = self.write("input.txt", "To be, or not to be: " * 200)
        self.output = f"{self.directory}/hawser-output"

    def start_from(self, source, name="second", code=0, **settings):
        path = self.job(name, change=STILL, seed=99, **settings)
        with open(path, encoding="utf-8") as file:
            text = file.read().replace("base: 0.01", "base: 1e-30")
        return self.run_job(self.write(f"{name}.textproto",
                                       text + f"from {{ {source} }}\n"),
                            code=code)

    def gpt(self, name, model="", rate=0.1, steps=3, seed=1, more="", code=0):
        path = self.write(f"{name}.textproto", GPT.format(
            name=name, model=model, data=self.text, rate=rate, steps=steps,
            seed=seed, more=more))
        return self.run_job(path, code=code)

    def export(self, job, name):
        target = f"{self.directory}/{name}"
        _, err = self.hawser("export", "--from", job["output"], "--to", target)
        return target, err

    def test_from_a_checkpoint_and_from_what_is_exported(self):
        first = self.run_job(self.job("first"))
        target, _ = self.export(first, "exported")
        expected = first["parameters_sha256"]
        # Other servers, other blocks: the same parameters.
        for servers, source in ((1, "checkpoint: 'first'"),
                                (2, "checkpoint: 'first/step-30'"),
                                (2, f"model: '{target}'"),
                                (1, "model: 'exported'")):
            second = self.start_from(source, servers=servers)
            self.assertEqual(second["parameters_sha256"], expected, source)
        self.assert_nothing_left()

    def test_a_job_waits_for_the_one_that_writes_what_it_starts_from(self):
        """All servers find the same checkpoint, the last one."""
        with self.cluster(3, 3, "--data-root", "/"):
            self.hawser("submit", self.job("first", epochs=100, servers=3,
                                           change=("seed: 3", """seed: 3
                checkpoint { every_steps: 10 }""")))
            self.await_step("first", 20)
            second = self.job("second", servers=3, workers=1, change=STILL)
            with open(second, "a", encoding="utf-8") as file:
                file.write("from { checkpoint: 'first' }\n")
            with open(second, encoding="utf-8") as file:
                text = file.read().replace("base: 0.01", "base: 1e-30")
            self.hawser("submit", self.write("second.textproto", text))
            waiting = self.hawser_json("job", "second")
            self.assertEqual(waiting["state"], "queued")
            self.assertIn("waits for the end of job first", waiting["reason"])
            self.hawser("wait", "second")
            jobs = {job["name"]: job for job in self.hawser_json("jobs")}
        self.assertEqual(jobs["first"]["state"], "succeeded")
        self.assertEqual(jobs["second"]["parameters_sha256"],
                         jobs["first"]["parameters_sha256"])
        self.assert_nothing_left()

    def test_a_source_that_does_not_fit_fails_the_job_with_the_reason(self):
        self.run_job(self.job("first"))
        for source, settings, reason in (
                ("checkpoint: 'none'", {}, "no committed checkpoint"),
                ("checkpoint: 'first/step-29'", {}, "no committed checkpoint"),
                ("checkpoint: 'first'", {"sizes": "16, 40, 21, 3"},
                 "tensor layers.1.weight is [20, 40] there, in the job's model "
                 "it is [21, 40]; change model.mlp.layer_sizes"),
                ("model: 'data'", {}, "neither model.safetensors nor")):
            job = self.start_from(source, code=1, **settings)
            self.assertEqual(job["state"], "failed")
            self.assertIn(reason, job["reason"])
        self.assert_nothing_left()

    def test_a_gpt_goes_out_and_comes_back(self):
        for name, model in (("gpt", ""), ("llama", LLAMA)):
            job = self.gpt(name, model)
            target, err = self.export(job, f"{name}-exported")
            self.assertEqual(err, "")
            self.assertEqual(
                sorted(os.listdir(target)),
                ["config.json", "model.safetensors", "tokenizer.json",
                 "tokenizer_config.json"])
            back = self.gpt(f"{name}-back", model, rate=1e-30, steps=1, seed=2,
                            more=f"from {{ model: '{target}' }}")
            self.assertEqual(back["parameters_sha256"],
                             job["parameters_sha256"])
            wrong = self.gpt(f"{name}-wrong",
                             model + " feed_forward_width: 2", code=1,
                             more=f"from {{ model: '{target}' }}")
            self.assertIn("model.gpt.feed_forward_width", wrong["reason"])
        self.assert_nothing_left()

    def test_a_mix_that_transformers_lacks_is_exported_all_the_same(self):
        job = self.gpt("mixed", "positions: ROTARY")
        target, err = self.export(job, "mixed-exported")
        self.assertIn("transformers has no such model", err)
        self.assertIn("hawser_model.json", os.listdir(target))
        self.assertIn("blocks.0.attention.qkv.weight",
                      harness.read_safetensors(f"{target}/model.safetensors"))
        back = self.gpt("mixed-back", "positions: ROTARY", rate=1e-30, steps=1,
                        more=f"from {{ model: '{target}' }}")
        self.assertEqual(back["parameters_sha256"], job["parameters_sha256"])

    def test_an_existing_directory_is_left_alone(self):
        job = self.gpt("gpt")
        target, _ = self.export(job, "taken")
        before = os.stat(f"{target}/model.safetensors")
        _, err = self.hawser("export", "--from", job["output"], "--to", target,
                             code=2)
        self.assertIn("exists", err)
        self.assertEqual(os.stat(f"{target}/model.safetensors"), before)

    def test_transformers_opens_what_is_exported(self):
        python = self.python_with_transformers()
        tokens = self.write("tokens.json", json.dumps([[84, 111, 32, 98]]))
        for name, model in (("gpt", ""), ("llama", LLAMA)):
            target, _ = self.export(self.gpt(name, model), f"{name}-exported")
            subprocess.run([python, CHECK, "logits", target, tokens,
                            f"{self.directory}/logits.json"], check=True)
            subprocess.run([python, CHECK, "tokenize", target,
                            "To be, \u00fc\n"], check=True)

    def test_transformers_finds_the_same_logits_in_what_came_through(self):
        python = self.python_with_transformers()
        for name in GOLDENS:
            source, target, _ = self.through_a_job(name)
            subprocess.run([python, CHECK, "compare", target,
                            f"{source}/logits.json"], check=True)

    def python_with_transformers(self):
        python = os.environ.get("HAWSER_TRANSFORMERS_PYTHON")
        if not python:
            self.skipTest(
                "transformers is not here: make a virtual environment over "
                "Debian's python3-torch (python3 -m venv "
                "--system-site-packages DIR), DIR/bin/pip install "
                "'transformers<4.40' safetensors, and run with --test_env="
                "HAWSER_TRANSFORMERS_PYTHON=DIR/bin/python3")
        return python

    def through_a_job(self, name):
        """A directory that transformers wrote, and what comes out of a job that
        starts from it and moves nothing; and what export said."""
        source = os.path.dirname(
            os.path.realpath(f"{GOLDEN}/{name}/config.json"))
        tokens = self.write("tokens.bin", "\0")
        with open(tokens, "wb") as file:
            file.write(bytes(byte for i in range(3000)
                             for byte in (i * i % 64, 0)))  # uint16
        path = self.write(f"{name}.textproto", GPT.format(
            name=name, model=GOLDENS[name], data=self.text, rate=1e-30, steps=1,
            seed=5, more=f"from {{ model: '{source}' }}").replace(
                "vocabulary: 256 context: 16 layers: 2 heads: 4 width: 32",
                "vocabulary: 64 context: 32 layers: 2 heads: 4 width: 16"
            ).replace(f"text {{ files: \"{self.text}\" }}",
                      f"tokens {{ train: \"{tokens}\" }}"))
        target, err = self.export(self.run_job(path), f"{name}-again")
        return source, target, err

    def test_a_model_of_transformers_goes_in_and_out_again(self):
        for name in GOLDENS:
            source, target, err = self.through_a_job(name)
            self.assertIn("no tokenizer was written", err)
            expected = {}
            for piece in sorted(os.listdir(source)):
                if piece.endswith(".safetensors"):
                    expected.update(harness.read_safetensors(f"{source}/{piece}"))
            self.assertEqual(harness.read_safetensors(f"{target}/model.safetensors"),
                             expected)


if __name__ == "__main__":
    harness.main()
