"""Writes small sentencepiece models and the tokens that they give.

Run by hand with PyPI's sentencepiece 0.2.3; the results are committed:

    python3 tests/golden/tokenizer/sentencepiece_golden.py

    unigram.model, llama.model  Trained here. The first has a normalizer's
        table and unknown characters, the second is BPE with byte fallback and
        changes nothing, as Llama's.
    sentencepiece.json  The number and the SHA-256 (int32, little-endian) of the
        tokens of each line of the corpus, one after the other.
"""
import hashlib
import io
import json
import os
import struct

import sentencepiece

from tokenizer_golden import corpus, fragments

HERE = os.path.dirname(os.path.abspath(__file__))
# Code points, to code points: line ends and wide spaces to a space, ligatures,
# wide letters, a composition; U+200B to nothing.
RULES = ["9\t20", "A\t20", "D\t20", "A0\t20", "3000\t20", "FB01\t66 69",
         "65 301\tE9", "BD\t31 2F 32", "2026\t2E 2E 2E", "200B\t"]
COMMON = {"vocab_size": 600, "hard_vocab_limit": False, "num_threads": 1,
          "character_coverage": 0.98, "minloglevel": 2}


def train(name, **options):
    words = [word for word in fragments() if "\0" not in word]
    lines = [" ".join(words[i:i + 12]) for i in range(len(words))]
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=model,
        **COMMON, **options)
    with open(f"{HERE}/{name}", "wb") as file:
        file.write(model.getvalue())
    return sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())


def main():
    rules = f"/tmp/sentencepiece_rules_{os.getpid()}.tsv"
    with open(rules, "w", encoding="utf-8") as file:
        file.write("\n".join(RULES) + "\n")
    models = {
        "unigram.model": train("unigram.model", model_type="unigram",
                               normalization_rule_tsv=rules),
        "llama.model": train("llama.model", model_type="bpe",
                             byte_fallback=True, split_digits=True,
                             normalization_rule_name="identity",
                             remove_extra_whitespaces=False),
    }
    os.remove(rules)
    golden = {}
    lines = corpus(1, 1_200_000).replace("\0", "").split("\n")
    for name, model in models.items():
        ids = [token for line in lines for token in model.encode(line)]
        golden[name] = {
            "tokens": len(ids), "vocabulary": model.vocab_size(),
            "sha256": hashlib.sha256(
                struct.pack(f"<{len(ids)}i", *ids)).hexdigest(),
            "cases": [{"text": text, "tokens": model.encode(text)}
                      for text in lines[:60] + ["", " ", "  a  b ", "\t\n x"]]}
    with open(f"{HERE}/sentencepiece.json", "w", encoding="utf-8") as file:
        json.dump(golden, file, ensure_ascii=True)
        file.write("\n")


if __name__ == "__main__":
    main()
