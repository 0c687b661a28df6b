"""Plain words: what a native engineer would stumble over, and what to write instead."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
TEMPLATES = [ROOT / "template.yaml", *sorted((ROOT / "bootstrap").glob("*.yaml"))]

MODULES = sorted(
    path for package in ("provisioner", "templates") for path in (ROOT / package).rglob("*.py")
)
"""Their texts, docstrings and comments are held to the words, too."""

STUMBLES = {
    r"(?<![Tt]here )\b(?:is|are|was|were|be) no (?!longer|more|less)[A-Za-z]": "is not a ...",
    r"\banew\b": "again",
    r"\bin vain\b": "without success",
    r"\b(?:[Tt]old|[Tt]ells?) of\b": "reported, describes",
    r"\b(?:records?|messages?|it|they) (?:ha(?:ve|s) to )?comes? again\b": "is delivered again",
    r"\bby which way\b": "shows the cycle",
    r"\b(?:nobody|somebody|anybody|people) (?:was|is|are) told\b": "is published",
    r"(?<=[.:;] )[Ww]ho (?:comes|has|finds|gets|minds|cannot)\b": "name the subject",
    r", for (?:it|they|there|that|others|messages|what)\b": "because",
    r"\bput aside\b": "parked",
    r"\bgo(?:es)? round\b": "is a dependency cycle",
    r"\b[Mm]end(?:s|ed)?\b": "repairs, fixes",
    r"\blook(?:s|ed)? at (?:a job|jobs|again|anew|alone)\b": "reconciled",
    r"\b[Dd]ead letters?\b": "dead-letter message",
    r"\b(?:stand|place|wait)s? in line\b": "reservation",
    r"\b(?<![`#])ticks?\b": "scheduled time",
    r"\bdaily comparison\b": "daily check",
    r"\bPace table\b": "RateLimits table",
    r"\b(?:[Aa]|[Tt]he|[Ii]ts|own|each|other|[Tt]hese|of|[Pp]ublish) notices?\b": "notification",
    r"^Notices? (?:of|and|as)\b": "notification",
    r"\borphans?\b": "retained resources",
    r"\bdetours?\b": "exceptional states",
    r"\bfor ever\b": "forever",
    r"\bbelongs? into\b": "put into",
    r"\bbesides\.": "also",
    r"\bmeanwhile\b": "at the same time, in the meantime",
    r"\bgo(?:es)? on\b": "continues, keeps running",
    r"\bby and by\b": "within days, later",
    r"\bin spite of\b": "despite, after",
    r"\bcomes? to (?:its|their) end\b": "ends, runs to its end",
    r"\blooks? for news\b": "refreshes itself",
    r"\bany more\b": "no longer",
    r"\bno longer (?:wanted|kept)\b": "needed, stored; has expired",
    r"\bbegins? so\b": "starts with ...",
    r"\bis there twice\b": "appears twice",
    r"\bthat there (?:is not|are(?= *[.;]))": "that does not exist; all rows",
    r"\bof before\b(?! \w)": "earlier",
    r"(?:^|[.:|] )Who (?:did|is|are|was|has|wrote)\b(?![^.|]*\?)": "name the subject",
}
"""Pattern, and what to write instead."""

STUMBLES_OF_USERS = {
    **STUMBLES,
    r"(?:^|[.;:|] )Of (?!course|\d|\{)": "For, Among; put the subject first",
    r"(?:^|[.;:|] )Else\b": "Otherwise, Without it",
    r"\b[Aa]sk again\b": "Try again",
    r"\bno difference\b": "the same",
}
"""What only has to be better in texts for those who use the product."""

FOR_USERS = [page for page in PAGES if "internals" not in page.parts]
CONSOLE = sorted((ROOT / "provisioner/console/templates").glob("*.html"))

FORMER_NAMES = {
    "notice": "notification",
    "orphan": "retained resource",
    "told": "what it is: attributes, a result",
}
"""A part of a name that is not ours any more, and what to call it."""

OF_AWS = re.compile(r"(?i)interruption_?notice|terminationnotice")
"""Names that AWS has given."""


BEGINS = re.compile(r"\s*(?:[-*|<]|#+ [A-Z]|\d+\.)|\s*$")
"""A line of Markdown that does not continue the sentence of the line before."""


def prose(text):
    """Yield the paragraphs of a page outside of code blocks, without what stands in backticks."""
    lines, code = [], False
    for number, line in enumerate(text.splitlines(), 1):
        fence = line.lstrip().startswith("```")
        code ^= fence
        lines.append((number, "" if code or fence else line))
    yield from paragraphs(lines, lambda line: not BEGINS.match(line))


def comments(text):
    """Yield what a template of CloudFormation says, its comments as paragraphs."""
    lines = enumerate(text.splitlines(), 1)
    yield from paragraphs(lines, lambda line: line.lstrip().startswith("#"))


def paragraphs(lines, continues):
    """Join each line that continues the one before with it; yields the number of the first."""
    begun, parts = 0, []
    for number, line in lines:
        if not (continues(line) and parts and parts[-1] and not parts[-1].startswith("|")):
            if any(parts):
                yield begun, " ".join(parts)
            begun, parts = number, []
        parts.append(line.strip().removeprefix("# ") if parts else line.strip())
    if any(parts):
        yield begun, " ".join(parts)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_are_in_plain_words(page):
    assert stumbles(prose(page.read_text()), STUMBLES) == []


@pytest.mark.parametrize("page", TEMPLATES, ids=lambda page: str(page.relative_to(ROOT)))
def test_templates_are_in_plain_words(page):
    assert stumbles(comments(page.read_text()), STUMBLES) == []


@pytest.mark.parametrize("page", FOR_USERS, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_for_users_are_in_plain_words(page):
    assert stumbles(prose(page.read_text()), STUMBLES_OF_USERS) == []


@pytest.mark.parametrize("page", CONSOLE, ids=lambda page: page.name)
def test_pages_of_the_console_are_in_plain_words(page):
    words = re.sub(r"<[^>]*>|{#.*?#}|{%.*?%}|{{.*?}}", "\n", page.read_text(), flags=re.DOTALL)

    assert stumbles(enumerate(words.splitlines(), 1), STUMBLES_OF_USERS) == []


def test_the_description_of_the_api_is_in_plain_words():
    api = (ROOT / "tests/golden/openapi.json").read_text()
    words = re.findall(r'"(?:description|summary|title)": "((?:[^"\\]|\\.)*)"', api)

    assert stumbles(enumerate(words), STUMBLES_OF_USERS) == []


def stumbles(lines, patterns):
    of_any = re.compile("|".join(f"(?:{pattern})" for pattern in patterns))
    return [
        f"{number}: {hit[0]!r}: {instead}"
        for number, line in lines
        if of_any.search(text := re.sub(r"`[^`]*`", "``", " ".join(line.split())))
        for pattern, instead in patterns.items()
        if (hit := re.search(pattern, text))
    ]


def texts(source):
    """Yield the sentences of a module, in strings and comments; a single word is a name."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.lineno, node.value
    # What follows a statement begins with a space here, and continues nothing.
    lines = (re.sub(r"^ *(?=#)|^[^#]*(?= #)|^[^#]*$", "", line) for line in source.splitlines())
    yield from paragraphs(enumerate(lines, 1), lambda line: line.startswith("# "))


@pytest.mark.parametrize("module", MODULES, ids=[str(path.relative_to(ROOT)) for path in MODULES])
def test_texts_in_the_code_are_in_plain_words(module):
    assert stumbles(texts(module.read_text()), STUMBLES) == []


OF_TERMINALS = [path for path in MODULES if "provisioner/api" not in path.as_posix()]
"""What the API says is Markdown."""


@pytest.mark.parametrize("module", OF_TERMINALS, ids=lambda path: str(path.relative_to(ROOT)))
def test_messages_have_commands_in_quotation_marks(module):
    """Backticks are for docstrings and docs; a terminal and a page show them as they are."""
    source = module.read_text()
    # Few have a backtick elsewhere than in docstrings and comments: the others need no parsing.
    code = re.sub(r'"""[\s\S]*?"""|#.*', "", source)
    tree = ast.parse(source if "`" in code else "")
    docstrings = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    found = [
        f"{module.name}:{node.lineno}: {node.value!r}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and id(node) not in docstrings
        if isinstance(node.value, str) and re.search(r"`[\w$]|\w`", node.value)
    ]

    assert found == []


NAMING = [
    *MODULES,
    *sorted((ROOT / "tools").rglob("*.py")),
    *sorted(path for path in (ROOT / "tests").rglob("*.py") if "node_modules" not in path.parts),
]


@pytest.mark.parametrize("module", NAMING, ids=[str(path.relative_to(ROOT)) for path in NAMING])
def test_names_in_the_code_are_those_of_the_docs(module):
    source = module.read_text()
    # Few modules have any of them, be it in a text: it takes a hundredth to see that first.
    named = source if re.search("|".join(FORMER_NAMES), source, re.IGNORECASE) else ""
    parts = (
        (token.start[0], part)
        for token in tokenize.generate_tokens(io.StringIO(named).readline)
        if token.type == tokenize.NAME
        for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", OF_AWS.sub("", token.string))
    )

    found = [
        f"{module.name}:{number}: {part}: {FORMER_NAMES[singular]}"
        for number, part in parts
        if (singular := part.lower().removesuffix("s")) in FORMER_NAMES
    ]

    assert found == []


def test_names_of_tests_are_in_plain_words():
    paths = [
        path for path in (ROOT / "tests").rglob("test_*.py") if "node_modules" not in path.parts
    ]
    pattern = re.compile(r"^ *(?:def (test_\w+)|class (Test\w+))", re.MULTILINE)
    lines = [
        (
            f"{path.relative_to(ROOT)}::{name}",
            re.sub(r"_|(?<=[a-zA])(?=[A-Z])", " ", name).lower().replace("dead l", "dead-l"),
        )
        for path in paths
        for name in map("".join, pattern.findall(path.read_text()))
    ]

    former = {rf"\b{name}s?\b": instead for name, instead in FORMER_NAMES.items()}
    assert stumbles(lines, STUMBLES | former) == []


def test_a_name_of_a_type_has_one_meaning():
    """What the API answers is called as what it shows, an adapter as its port."""
    shown = ("provisioner/api/answers", "provisioner/api/bodies.py", "provisioner/local/shim")
    defined = defaultdict(set)
    for module in MODULES:
        name = str(module.relative_to(ROOT))
        if module.name != "ports.py" and not name.startswith(shown):
            for node in ast.parse(module.read_text()).body:
                if isinstance(node, ast.ClassDef):
                    defined[node.name].add(name)
                elif isinstance(node, ast.AnnAssign) and "TypeAlias" in ast.unparse(
                    node.annotation
                ):
                    defined[ast.unparse(node.target)].add(name)

    of_both_faces = {"App", "Route"}
    port_of_a_module = {"RunHistory"}
    assert {
        name: modules
        for name, modules in defined.items()
        if len(modules) > 1
        if not name.startswith("_") and name not in of_both_faces | port_of_a_module
    } == {}


def test_each_kind_of_text_is_looked_at():
    source = '"""One of old."""\nname = f"two of {name}"  # three\n\n# Four,\n# and five.\n'

    assert list(texts(source)) == [
        *((1, "One of old."), (2, "two of ")),
        *((2, "# three"), (4, "# Four, and five.")),
    ]


def test_what_is_wrapped_is_read_as_one():
    page = "# Title\n\nOne\ntwo `a\nb`.\n- three\n  four\n\n```\ncode\n```\n| a |\n| b |\n"

    assert [text for _, text in prose(page)] == [
        "# Title",
        "One two `a b`.",
        "- three four",
        "| a |",
        "| b |",
    ]


def test_comments_of_a_template_are_read_as_one():
    assert [text for _, text in comments("# One\n# two\nKey: 1 # three\n")] == [
        *("# One two", "Key: 1 # three")
    ]
