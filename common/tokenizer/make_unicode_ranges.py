"""Writes unicode_ranges.inc: which characters are letters, numbers, spaces.

Run by hand; the result is committed:

    python3 common/tokenizer/make_unicode_ranges.py > \
        common/tokenizer/unicode_ranges.inc

Needs PyPI's unicodedata2 16.0.0: Unicode 16 is what the regular expressions of
the `tokenizers` package 0.21 to 0.23 know (compared for every character).
"""
import unicodedata2

assert unicodedata2.unidata_version == "16.0.0"
# White_Space of PropList.txt, which is what \s is.
SPACES = {*range(0x9, 0xE), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B),
          0x2028, 0x2029, 0x202F, 0x205F, 0x3000}


def kind(code):
    if code in SPACES:
        return "kSpace"
    return {"L": "kLetter", "N": "kNumber"}.get(
        unicodedata2.category(chr(code))[0])


def ranges():
    start, current = 0, kind(0)
    for code in range(1, 0x110001):
        after = kind(code) if code < 0x110000 else ""
        if after != current:
            if current:
                yield f"{{0x{start:X}, 0x{code - 1:X}, {current}}},"
            start, current = code, after


line = "// Made by make_unicode_ranges.py from Unicode 16.0.0."
for item in ranges():
    if len(line) + 1 + len(item) > 80 or line.startswith("//"):
        print(line)
        line = item
    else:
        line += " " + item
print(line)
