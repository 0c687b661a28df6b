"""Whatever AWS answers, or does not, reaches the others as one of our errors."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

import provisioner.aws
from provisioner.aws.clients import translate
from provisioner.errors import NotFoundError, PermanentError, TemporaryError, ThrottledError

AWS = sorted(Path(provisioner.aws.__file__).parent.glob("*.py"))
TRANSLATORS = {"translated", "_started"}
"""`_started` translates what it yields to; that is held to below like all others."""
SCOPES = (ast.FunctionDef, ast.Lambda, ast.GeneratorExp)


class Uses:
    """What a module does with clients, and where it translates their errors.

    A client, a paginator and its pages are in use wherever they are named, since the request is
    only made when somebody goes on to the next page.
    """

    def __init__(self, source):
        self.tree = ast.parse(source)
        self.parents = {
            child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)
        }
        self.lazy = {
            scope: self.names_in(scope) for scope in ast.walk(self.tree) if is_scope(scope)
        }
        self.found = [node for node in ast.walk(self.tree) if self.is_use(node)]

    def is_use(self, node):
        match node:
            case ast.Attribute(clients) if is_clients(clients):
                return True
            case ast.Call(func=ast.Attribute(_, "create_client")):  # may find no Region
                return True
            case ast.Call(func=ast.Attribute(ast.Subscript(), "read")):  # the body of an answer
                return True
            case ast.Name(name, ast.Load()):
                return name in self.lazy[self.scope(node)]
            case _:
                return False

    def names_in(self, scope):
        """Return the names that are given to clients and to what they make, without asking AWS."""
        names = set()
        for node in ast.walk(scope):
            match node:
                case ast.Assign([ast.Name(name)], value) if self.is_lazy(value, names):
                    names.add(name)
        return names

    def is_lazy(self, value, names):
        match value:
            case ast.Name(name):
                return name in names
            case ast.Attribute(clients) if is_clients(clients):
                return True
            case ast.Call(func=ast.Attribute(made_of, "get_paginator" | "paginate")):
                return self.is_lazy(made_of, names)
            case ast.Attribute(ast.Call(func=ast.Attribute(clients, "in_region"))):
                return is_clients(clients)
            case _:
                return False

    def scope(self, node):
        """Return the function that a name belongs to; those in its generators are its own."""
        while not is_scope(node):
            node = self.parents[node]
        return node

    def translator(self, node):
        """Return the `with translated()` that a node runs in, not merely stands in."""
        while not isinstance(node, (ast.Module, *SCOPES)):
            node = self.parents[node]
            if isinstance(node, ast.With) and translates(node):
                return node
        return None

    def bare(self):
        return [node.lineno for node in self.found if self.translator(node) is None]

    def idle(self):
        """Return the lines of what translates nothing: it does no harm, but promises something."""
        busy = {self.translator(node) for node in self.found}
        busy |= {self.translator(n) for n in ast.walk(self.tree) if isinstance(n, ast.Yield)}
        withs = [n for n in ast.walk(self.tree) if isinstance(n, ast.With) and translates(n)]
        return [node.lineno for node in withs if node not in busy]


def is_clients(node):
    """Tell whether this names a `Clients`: all modules give it the same two names."""
    match node:
        case ast.Name("clients") | ast.Attribute(ast.Name("self"), "_clients"):
            return True
        case _:
            return False


def aliases(tree):
    """Return the lines where a `Clients` gets a name by which it would not be found here."""
    for node in ast.walk(tree):
        match node:
            case ast.arg(name, ast.Name("Clients")) if name != "clients":
                yield node.lineno
            case ast.Assign([target], value) if is_clients(value) and not is_clients(target):
                yield node.lineno


def is_scope(node):
    return isinstance(node, ast.FunctionDef | ast.Module)


def translates(node):
    return any(
        isinstance(item.context_expr, ast.Call)
        and isinstance(item.context_expr.func, ast.Name)
        and item.context_expr.func.id in TRANSLATORS
        for item in node.items
    )


@pytest.mark.parametrize("path", AWS, ids=lambda path: path.stem)
def test_every_use_of_a_client_is_translated_where_it_happens(path):
    uses = Uses(path.read_text())
    assert uses.bare() == []
    assert uses.idle() == []


@pytest.mark.parametrize("path", AWS, ids=lambda path: path.stem)
def test_clients_have_no_other_names(path):
    found = list(aliases(ast.parse(path.read_text())))
    assert len(found) == (path.stem == "clients")  # the descriptor that makes them


def test_there_are_uses_to_look_at():
    assert sum(len(Uses(path.read_text()).found) for path in AWS) > 60


@pytest.mark.parametrize(
    ("body", "bare"),
    [
        ("with translated():\n  return clients.s3.get_object()", False),
        ("return clients.s3.get_object()", True),
        ("s3 = clients.s3\n with translated():\n  s3.get_object()", True),
        ("with translated():\n  s3 = clients.s3\n s3.get_object()", True),
        ("with translated():\n  return (p for p in clients.s3.get_paginator('x'))", True),
        ("with translated():\n  p = clients.s3.get_paginator('x')\n for x in p:\n  pass", True),
        ("with translated():\n  yield from clients.s3.get_paginator('x')", False),
        ("with translated():\n  return lambda: clients.s3", True),
        ("with translated():\n  found = clients.s3.get_object()\n return found['Key']", False),
        ("with translated():\n  found = clients.s3.get_object()\n found['Body'].read()", True),
        ("return getattr(clients.s3, 'get_object')()", True),
        ("return self._clients.s3.get_object()", True),
        ("return clients.in_region('x').ecr.get_object()", True),
    ],
    ids=["inside", "outside", "made-outside", "used-outside", "generator", "pages-later",
         "generator-function", "lambda", "answer", "body-later", "getattr", "attribute",
         "other-region"],
)  # fmt: skip
def test_what_counts(body, bare):
    uses = Uses(f"def f():\n {body}\n")
    assert bool(uses.bare()) is bare


@pytest.mark.parametrize(
    ("body", "idle"),
    [("return (r for r in pages('scan'))", True), ("return clients.s3.get_object()", False)],
    ids=["nothing-happens", "something-does"],
)
def test_what_translates_nothing_is_found(body, idle):
    assert bool(Uses(f"def f():\n with translated():\n  {body}\n").idle()) is idle


CODES = {
    "throttled": ("ThrottlingException", 400, ThrottledError),
    "gone": ("ResourceNotFoundException", 400, NotFoundError),
    "AWS's fault, by its status": ("SomethingNew", 503, TemporaryError),
    "ours": ("SomethingNew", 400, PermanentError),
}


@pytest.mark.parametrize(("code", "status", "kind"), CODES.values(), ids=CODES)
def test_what_an_error_code_means(code, status, kind):
    answer = {
        "Error": {"Code": code, "Message": "text"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    found = translate(ClientError(answer, "DoIt"))
    assert (type(found), str(found)) == (kind, f"{code}: text")
