"""The mistakes of a mutation test: each is one, none is in what types or messages say."""

from __future__ import annotations

import ast

import pytest

from tools.mutations import applied, mutations


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = a < b", ["x = a <= b"]),
        ("x = a <= b < c", ["x = a < b < c", "x = a <= b <= c"]),
        ("x = a not in b", ["x = a in b"]),
        ("x = a and b", ["x = a or b", "x = b", "x = a"]),
        ("x = not a", ["x = a"]),
        ("x = a + b", ["x = a - b"]),
        ("x = True", ["x = False"]),
        ("x = 1", ["x = 2"]),
        ("x = 'a'", ["x = 'a~'"]),
        ("x = None", []),
        ("x += y", ["x -= y"]),
        ("f(y)", ["pass"]),
        ("x = a if b else c", ["x = a if not b else c"]),
        ("x = [y for y in z if y]", ["x = [y for y in z]"]),
        ("def f() -> Literal['a']:\n    'Why.'\n    return a", ["return None"]),
        ("raise E('text', 1)", []),
        ("x: Literal['a'] = y", []),
        ("x = f'text {y + 1}'", []),
        ("if TYPE_CHECKING:\n    f(1)", []),
        ("@d(1)\nclass C(B):\n    pass", []),
    ],
)
def test_mistakes(source, expected):
    tree = ast.parse(source)

    made = [ast.unparse(applied(tree, n)[1]) for n in range(len(mutations(tree)))]

    assert [text.splitlines()[-1].strip() for text in made] == expected
    assert ast.dump(tree) == ast.dump(ast.parse(source))


def test_a_case_is_left_out_unless_it_is_the_one_that_never_comes():
    tree = ast.parse(
        "match x:\n    case A() if y:\n        f = z\n    case other:\n        assert_never(other)"
    )

    assert [mutation.text for mutation in mutations(tree)] == [
        "case A() if y:  ->  case A():",
        "case A() if y:  ->  case A() if False:",
    ]
