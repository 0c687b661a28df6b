"""Words are split as `sh` splits them."""

from __future__ import annotations

import random
import subprocess

import pytest

from provisioner.jobs.shell_words import split_words

EXAMPLES = {
    "plain": ("a  b\tc", ["a", "b", "c"]),
    "single-quotes": (r"'a \ $b' c", [r"a \ $b", "c"]),
    "double-quotes": (r'"a b" "c"d', ["a b", "cd"]),
    "dollar": (r'"\$HOME"', ["$HOME"]),
    "backquote": (r'"\`date\`"', ["`date`"]),
    "quotation-mark": (r'"\"" \"', ['"', '"']),
    "backslash": (r'"\\" \\', ["\\", "\\"]),
    "backslash-before-anything-else": (r'"\n\a" \n\a', [r"\n\a", "na"]),
    "continued-line": ("a\\\nb c", ["ab", "c"]),
    "continued-line-between-words": ("a \\\n b", ["a", "b"]),
    "continued-line-in-double-quotes": ('"a\\\nb"', ["ab"]),
    "line-break-in-quotes": ("'a\nb' \"c\nd\"", ["a\nb", "c\nd"]),
    "backslash-and-line-break-in-single-quotes": ("'a\\\nb'", ["a\\\nb"]),
    "empty-words": ("'' \"\" ''\"\"", ["", "", ""]),
    "only-a-continued-line": ("\\\n", []),
    "nothing": (" \n ", []),
}


@pytest.mark.parametrize(("text", "words"), EXAMPLES.values(), ids=EXAMPLES)
def test_quotes_and_backslashes(text, words):
    assert list(split_words(text)) == words


@pytest.mark.parametrize("text", ["a | b", "a;b", "a #b", "$HOME `x` *.py ~ (a) <b >c & {d,e}"])
def test_what_only_a_running_shell_knows_stands_for_itself(text):
    assert list(split_words(text)) == text.split()


@pytest.mark.parametrize("text", ["'a", '"a', '"a\\"', "a\\", '"\\'])
def test_what_does_not_end_is_an_error(text):
    with pytest.raises(ValueError, match=r"no closing quotation|no escaped character"):
        split_words(text)


LETTERS = "ab=-%é/"
ESCAPED = [f"\\{sign}" for sign in "a $`\"'\\\t\n*#|;&<>(~"]


def text(chance):
    """Return a text of whole pieces, none of which `sh` would expand, run or take for an end."""
    in_double = [*LETTERS, *ESCAPED, *" \t\n'*#|;&~"]
    in_single = [*LETTERS, *' \t\n$`"*#|\\']

    def some(parts: list[str]) -> str:
        return "".join(chance.choices(parts, k=chance.randrange(6)))

    pieces = [
        lambda: chance.choice(LETTERS),
        lambda: chance.choice(ESCAPED),
        lambda: chance.choice([" ", "\t", "  "]),
        lambda: f"'{some(in_single)}'",
        lambda: f'"{some(in_double)}"',
    ]
    return "".join(chance.choice(pieces)() for _ in range(chance.randrange(12)))


def test_the_words_are_those_of_sh():
    """One shell for all texts: it prints the words of each, a NUL after every word."""
    chance = random.Random(9)
    texts = [text(chance) for _ in range(3_000)]
    script = "\n".join(
        f"set -- {each}\nfor word in \"$@\"; do printf '%s\\0' \"$word\"; done; printf '\\1\\0'"
        for each in texts
    )

    shell = subprocess.run(["sh"], input=script, capture_output=True, check=True, text=True)

    words = [tuple(part.split("\0")[:-1]) for part in shell.stdout.split("\1\0")[:-1]]
    assert words == [split_words(each) for each in texts]
