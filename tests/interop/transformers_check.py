#!/usr/bin/env python3
"""What Hugging Face transformers makes of a model directory.

    transformers_check.py logits DIRECTORY TOKENS OUT
        opens DIRECTORY and writes the logits of every position of the token
        sequences in TOKENS (JSON: a list of lists of the same length) to OUT:
        .npy, or .json
    transformers_check.py compare DIRECTORY LOGITS
        opens DIRECTORY and compares with LOGITS, a .json file {"tokens",
        "logits"}; fails if a logit differs by more than 1e-4
    transformers_check.py tokenize DIRECTORY TEXT
        prints the ids of TEXT as JSON, and fails if decoding them does not give
        TEXT back
    transformers_check.py golden DIRECTORY
        writes tiny random models, gpt2/ and llama/, with their logits: what is
        kept in tests/golden/huggingface

Set up with

    /usr/bin/python3 -m venv --system-site-packages VENV
    VENV/bin/pip install transformers==4.36.2 safetensors tokenizers

over Debian's python3-torch (1.13) and python3-numpy.
"""

import json
import os
import sys

import numpy
import torch
import transformers

TOLERANCE = 1e-4
VOCABULARY, CONTEXT, WIDTH, LAYERS, HEADS = 64, 32, 16, 2, 4
SEED = 20


def open_model(directory):
    model, report = transformers.AutoModelForCausalLM.from_pretrained(
        directory, torch_dtype=torch.float32, output_loading_info=True)
    for what, names in report.items():
        if names:
            raise SystemExit(f"{directory}: {what}: {names}")
    return model.eval()


def logits_of(model, tokens):
    with torch.no_grad():
        return model(torch.tensor(tokens)).logits.numpy()


def write_logits(directory, tokens_file, out):
    with open(tokens_file, encoding="utf-8") as file:
        tokens = json.load(file)
    logits = logits_of(open_model(directory), tokens)
    if out.endswith(".npy"):
        numpy.save(out, logits)
    else:
        write_json(out, tokens, logits)


def write_json(path, tokens, logits):
    """Nine digits give a float32 back exactly; a sequence a line."""
    rows = ",\n".join(
        json.dumps([[float(f"{x:.9g}") for x in position] for position in row])
        for row in logits.tolist())
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'{{"tokens": {json.dumps(tokens)},\n"logits": [\n{rows}\n]}}\n')


def compare(directory, golden):
    with open(golden, encoding="utf-8") as file:
        expected = json.load(file)
    logits = logits_of(open_model(directory), expected["tokens"])
    worst = numpy.abs(logits - numpy.array(expected["logits"])).max()
    print(f"{directory}: largest difference of a logit {worst:.2e}")
    if not worst <= TOLERANCE:
        raise SystemExit(f"that is above {TOLERANCE}")


def tokenize(directory, text):
    tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
    ids = tokenizer(text)["input_ids"]
    print(json.dumps(ids))
    back = tokenizer.decode(ids, clean_up_tokenization_spaces=False)
    if back != text:
        raise SystemExit(f"decoded to {back!r}")


def randomise(model):
    """Weights so large that the logits tell one mistake from another."""
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            one = "norm" in name or "ln_" in name
            parameter.copy_(0.3 * noise +
                            (1 if one and name.endswith("weight") else 0))
    return model.eval()


def write_golden(directory):
    gpt2 = transformers.GPT2LMHeadModel(transformers.GPT2Config(
        vocab_size=VOCABULARY, n_positions=CONTEXT, n_embd=WIDTH,
        n_layer=LAYERS, n_head=HEADS, bos_token_id=None, eos_token_id=None))
    llama = transformers.LlamaForCausalLM(transformers.LlamaConfig(
        vocab_size=VOCABULARY, max_position_embeddings=CONTEXT,
        hidden_size=WIDTH, intermediate_size=40, num_hidden_layers=LAYERS,
        num_attention_heads=HEADS, num_key_value_heads=2, rms_norm_eps=1e-6,
        rope_theta=500.0, bos_token_id=None, eos_token_id=None))
    generator = torch.Generator().manual_seed(SEED)
    tokens = torch.randint(VOCABULARY, (2, 12), generator=generator).tolist()
    for name, model, largest in (("gpt2", gpt2, "1GB"), ("llama", llama, "16KB")):
        path = os.path.join(directory, name)
        randomise(model).save_pretrained(path, safe_serialization=True,
                                         max_shard_size=largest)
        os.remove(os.path.join(path, "generation_config.json"))
        write_json(os.path.join(path, "logits.json"), tokens,
                   logits_of(open_model(path), tokens))


def main(arguments):
    commands = {"logits": (write_logits, 3), "compare": (compare, 2),
                "tokenize": (tokenize, 2), "golden": (write_golden, 1)}
    if not arguments or arguments[0] not in commands:
        raise SystemExit(__doc__)
    command, count = commands[arguments[0]]
    if len(arguments) != count + 1:
        raise SystemExit(__doc__)
    command(*arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
