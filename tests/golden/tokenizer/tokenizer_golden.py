"""Writes what common/tokenizer must compute, as other programs compute it.

Run by hand with PyPI's tokenizers 0.23.3; the results are committed:

    python3 tests/golden/tokenizer/tokenizer_golden.py

    bpe.json     A tokenizer.json of 1,500 tokens, trained here.
    golden.json  corpus: bytes and SHA-256 of the text that Corpus makes.
                 variants: bpe.json with other settings, and the number and the
                 SHA-256 (int32, little-endian) of the corpus's tokens.
                 cases: short texts and their tokens, by variant.
"""
import hashlib
import json
import os
import struct

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from tokenizers import trainers

HERE = os.path.dirname(os.path.abspath(__file__))
CL100K = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
          r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = CL100K.replace("{1,3}", "")
CASES = ["", " ", "a", "  a", "a  b", "a\n\nb", "Hello world's  it'S",
         "we'll we've I'm they'd you're 'tis '", "'ſ 'LL",
         "x=1234567;\n\n  return  x;\r\n\r\n", "tab\tand\u00a0nbsp\u3000wide ",
         "naïve Ærø 中文字 ½²Ⅷ ٣", "👩‍👩‍👧 e\u0301", "<|endoftext|>a<|endoftext|>",
         "a<|endoftext|> b <|endoftext|", "!!! ...\n?", " \n \n  x", "-abc -\n"]


def fragments():
    with open(f"{HERE}/fragments.json", encoding="utf-8") as file:
        return json.load(file)


def corpus(seed, size):
    """Fragments and single characters; golden_corpus.h makes the same."""
    parts, state, length = fragments(), seed, 0
    text = []

    def draw(bound):
        nonlocal state
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (state >> 33) % bound

    while length < size:
        kind = draw(16)
        if kind == 0:
            code = draw(0x110000)
            part = "?" if 0xD800 <= code < 0xE000 else chr(code)
        elif kind == 1:
            part = chr(0xA0 + draw(0x3000))
        elif kind < 8:
            part = " " + parts[draw(len(parts))]
        else:
            part = parts[draw(len(parts))]
        text.append(part)
        length += len(part.encode())
    return "".join(text)


def train(texts):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=1500, min_frequency=2, show_progress=False,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens(
        [AddedToken("<|end|>", special=True, normalized=False),
         AddedToken("<|endofturn|>", special=True, normalized=False)])
    return tokenizer


def main():
    training = corpus(5, 400_000)
    tokenizer = train([training] + fragments())
    plain = json.loads(tokenizer.to_str())
    with open(f"{HERE}/bpe.json", "w", encoding="utf-8") as file:
        json.dump(plain, file, ensure_ascii=False, separators=(",", ":"))
        file.write("\n")
    split = lambda expression: {
        "type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": expression},
             "behavior": "Isolated", "invert": False},
            {"type": "ByteLevel", "add_prefix_space": False,
             "trim_offsets": True, "use_regex": False}]}
    variants = {
        "plain": {},
        "prefix": {"/pre_tokenizer/add_prefix_space": True},
        "cl100k": {"/pre_tokenizer": split(CL100K)},
        "qwen2": {"/pre_tokenizer": split(QWEN2)},
        "whole_words": {"/model/ignore_merges": True},
    }
    text = corpus(1, 1_200_000)
    golden = {"corpus": {"seed": 1, "bytes": len(text.encode()), "sha256":
                         hashlib.sha256(text.encode()).hexdigest()},
              "variants": {}, "cases": []}
    for name, changes in variants.items():
        changed = json.loads(json.dumps(plain))
        for path, value in changes.items():
            *above, last = path[1:].split("/")
            place = changed
            for key in above:
                place = place[key]
            place[last] = value
        variant = Tokenizer.from_str(json.dumps(changed))
        ids = variant.encode(text, add_special_tokens=False).ids
        golden["variants"][name] = {
            "changes": changes, "tokens": len(ids),
            "sha256": hashlib.sha256(
                struct.pack(f"<{len(ids)}i", *ids)).hexdigest()}
        for case in CASES:
            golden["cases"].append(
                {"variant": name, "text": case,
                 "tokens": variant.encode(case, add_special_tokens=False).ids})
    with open(f"{HERE}/golden.json", "w", encoding="utf-8") as file:
        json.dump(golden, file, ensure_ascii=True, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
