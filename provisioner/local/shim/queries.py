"""A Query costs what it reads.

DynamoDB keeps the items of a partition in order, and a Query reads from its place in there until
its page is full. The engine sorts the whole partition for each Query, and parses every expression
again for each item: a page of 100,000 items takes seconds.

Here the writes keep each partition in order that was once queried, and the engine's own Query is
given no more of the table than the page, and whether more follow. A request that is not understood
here gets the whole table, as before.
"""

from __future__ import annotations

import functools
import threading
import types
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from provisioner.local.shim.patching import private, wrap

if TYPE_CHECKING:
    from collections.abc import Callable

    Order = tuple[Any, ...]
    Entry = tuple[Order, tuple[Any, Any]]  # where an item stands, and its key in the table

_DYNAMODB = "ministack.services.dynamodb"
_USED = (
    "_INDEX_MEMBERS",
    "_extract_key_val",
    "_extract_pk_from_condition",
    "_get_attr_type",
    "_index_def",
    "_index_key_lists",
    "_index_order_keys",
    "_index_order_value",
    "_index_partition",
    "_key_condition_clauses",
    "_normalize_table_name",
    "_paginate_evaluated_items",
    "_sort_key_value",
    "_tables",
)
_EXPRESSIONS = 1_000
_BEGIN = {"EQ": bisect_left, "GE": bisect_left, "GT": bisect_right, "BETWEEN": bisect_left}
_END = {"EQ": bisect_right, "LE": bisect_right, "LT": bisect_left, "BETWEEN": bisect_right}
_lock = threading.RLock()


def install() -> None:
    """Keep partitions in order, and let a Query see its page only."""
    for name in _USED:
        private(_DYNAMODB, name)
    wrap(_DYNAMODB, "_tokenize", _remembered)
    wrap(_DYNAMODB, "_condition_syntax_error", functools.lru_cache(_EXPRESSIONS))
    for name in ("_check_redundant_parens", "_check_reserved_keyword_usage"):
        wrap(_DYNAMODB, name, _once)
    wrap(_DYNAMODB, "_index_members", _with_order)
    wrap(_DYNAMODB, "_index_item", _in_order)
    wrap(_DYNAMODB, "_query", _of_its_page)


def _engine(name: str, *arguments: Any) -> Any:  # noqa: ANN401 - the engine is untyped
    return private(_DYNAMODB, name)(*arguments)


def _remembered(tokenize: Callable[[str], list[Any]]) -> Callable[[str], list[Any]]:
    known = functools.lru_cache(_EXPRESSIONS)(lambda text: tuple(tokenize(text)))
    return functools.wraps(tokenize)(lambda expression: list(known(expression)))


def _once(check: Callable[..., Any]) -> Callable[..., Any]:
    known = functools.lru_cache(_EXPRESSIONS)(lambda tokens, *more: check(list(tokens), *more))
    return functools.wraps(check)(lambda tokens, *more: known(tuple(tokens), *more))


class Members(dict[str, Any]):
    """The engine's members of indexes, which it drops by itself when they are no longer true."""

    def __init__(self, members: dict[str, Any]) -> None:
        super().__init__(members)
        self.ordered: dict[tuple[str | None, Any], list[Entry]] = {}


def _with_order(members_of: Callable[[Any], Any]) -> Callable[[Any], Any]:
    @functools.wraps(members_of)
    def members(table: dict[str, Any]) -> Members:
        found = members_of(table)
        if not isinstance(found, Members):
            found = table[private(_DYNAMODB, "_INDEX_MEMBERS")] = Members(found)
        return found

    return members


@dataclass(frozen=True)
class Index:
    """An index of a table, or the table itself."""

    table: dict[str, Any]
    name: str | None

    @functools.cached_property
    def keys(self) -> tuple[list[str], list[str]]:
        """The names of its partition key and of its sort key, if it has one."""
        if self.name is not None:
            found: tuple[list[str], list[str]] = _engine(
                "_index_key_lists", _engine("_index_def", self.table, self.name)
            )
            return found
        return [self.table["pk_name"]], [name for name in (self.table["sk_name"],) if name]

    @functools.cached_property
    def order_keys(self) -> list[tuple[str, str]]:
        """The attributes that say where an item stands, and their types."""
        found: list[tuple[str, str]] = _engine("_index_order_keys", self.table, self.keys[1])
        return found

    def order(self, item: dict[str, Any]) -> Order:
        """Return where an item, or a cursor, stands."""
        return tuple(_engine("_index_order_value", item, *key) for key in self.order_keys)

    def entries(self, partition: Any) -> list[Entry]:  # noqa: ANN401
        """Return the entries of a partition in their order; the writes keep it from now on."""
        members: Members = _engine("_index_members", self.table)
        known = members.ordered.get((self.name, partition))
        if known is None:
            known = members.ordered[self.name, partition] = sorted(self._unordered(partition))
        return known

    def _unordered(self, partition: Any) -> list[Entry]:  # noqa: ANN401
        items = self.table["items"]
        if self.name is None:
            keys = [(partition, sort) for sort in items.get(partition, ())]
        else:
            keys = list(_engine("_index_members", self.table)[self.name].get(partition, ()))
        return [(self.order(items[key[0]][key[1]]), key) for key in keys]

    def change(
        self, members: Members, key: tuple[Any, Any], item: dict[str, Any], *, add: bool
    ) -> None:
        """Keep the order of a partition when an item comes or goes."""
        partition = key[0] if self.name is None else _engine("_index_partition", item, *self.keys)
        entries = members.ordered.get((self.name, partition))
        if entries is None:
            return
        entry = (self.order(item), key)
        at = bisect_left(entries, entry)
        is_there = at < len(entries) and entries[at] == entry
        if add and not is_there:
            entries.insert(at, entry)
        elif is_there and not add:
            del entries[at]


def _in_order(index_item: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(index_item)
    def keeping(table: dict[str, Any], pk: Any, sk: Any, item: Any, add: bool) -> None:  # noqa: ANN401, FBT001
        with _lock:
            index_item(table, pk, sk, item, add)
            members = table.get(private(_DYNAMODB, "_INDEX_MEMBERS"))
            if isinstance(members, Members):
                for name in {name for name, _ in members.ordered}:
                    Index(table, name).change(members, (pk, sk), item, add=add)

    return keeping


def _of_its_page(query: Callable[..., Any]) -> Callable[..., Any]:
    """Run the engine's Query among globals whose tables are the one page."""

    @functools.wraps(query)
    def querying(data: dict[str, Any]) -> Any:  # noqa: ANN401
        try:
            name = _engine("_normalize_table_name", data["TableName"])
            with _lock:
                page, stopped = _page(private(_DYNAMODB, "_tables")[name], data)
        except (LookupError, TypeError, ValueError, AttributeError):
            return query(data)
        seen = {
            "_tables": {name: page},
            "_paginate_evaluated_items": lambda items, *_: (items, stopped),
        }
        return types.FunctionType(query.__code__, query.__globals__ | seen)(data)

    return querying


def _page(table: dict[str, Any], data: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Return the table with the items only that the request reads, and whether it stops there.

    Raises
    ------
    LookupError, TypeError, ValueError, AttributeError
        If it is not a request that is understood here.
    """
    index = Index(table, data.get("IndexName"))
    first, last, entries = _span(index, data)
    cursor, forward = data.get("ExclusiveStartKey"), data.get("ScanIndexForward", True)
    if cursor and forward:
        first = max(first, bisect_right(entries, index.order(cursor), key=itemgetter(0)))
    elif cursor:
        last = min(last, bisect_left(entries, index.order(cursor), key=itemgetter(0)))
    places = range(first, last) if forward else range(first, last)[::-1]
    keys = (entries[place][1] for place in places)
    read, stopped = _engine(
        "_paginate_evaluated_items",
        (table["items"][pk][sk] for pk, sk in keys),
        data.get("Limit"),
        table,
        index.name,
    )
    items: dict[Any, dict[Any, Any]] = {}
    for place, item in zip(places, read, strict=False):
        pk, sk = entries[place][1]
        items.setdefault(pk, {})[sk] = item
    kept = {k: v for k, v in table.items() if k != private(_DYNAMODB, "_INDEX_MEMBERS")}
    return kept | {"items": items}, stopped


def _span(index: Index, data: dict[str, Any]) -> tuple[int, int, list[Entry]]:
    """Return between which entries of a partition those stand that the key condition names."""
    condition, values = data["KeyConditionExpression"], data["ExpressionAttributeValues"]
    names = data.get("ExpressionAttributeNames") or {}
    (hash_key,), ranges = index.keys
    partition = _engine("_extract_pk_from_condition", condition, values, names, hash_key)
    entries = index.entries(partition)
    first, last = 0, len(entries)
    for clause in _engine("_key_condition_clauses", _engine("_tokenize", condition)):
        found = _sort_clause(clause, names, hash_key)
        if found is None:
            continue
        operator, operands = found
        (sort_key,) = ranges
        kind = _engine("_get_attr_type", index.table, sort_key)
        bounds = [_engine("_sort_key_value", values[each], kind) for each in operands]
        first, last = _between(entries, operator, bounds)
    return first, last, entries


def _sort_clause(
    clause: list[tuple[str, str]], names: dict[str, str], hash_key: str
) -> tuple[str, list[str]] | None:
    """Return the operator of the sort key's condition and the names of its values."""
    match clause:
        case [("IDENT" | "NAME_REF", name), ("EQ", _), ("VALUE_REF", _)] if (
            names.get(name, name) == hash_key
        ):
            return None
        case [("IDENT" | "NAME_REF", _), (operator, _), ("VALUE_REF", value)] if (
            operator in _BEGIN or operator in _END
        ):
            return operator, [value]
        case [
            ("IDENT" | "NAME_REF", _),
            ("IDENT", "BETWEEN"),
            ("VALUE_REF", low),
            ("IDENT", "AND"),
            ("VALUE_REF", high),
        ]:
            return "BETWEEN", [low, high]
        case [
            ("IDENT", "begins_with"),
            ("LPAREN", _),
            ("IDENT" | "NAME_REF", _),
            ("COMMA", _),
            ("VALUE_REF", value),
            ("RPAREN", _),
        ]:
            return "begins_with", [value]
    raise ValueError(clause)


def _between(entries: list[Entry], operator: str, bounds: list[Any]) -> tuple[int, int]:
    def sort_value(entry: Entry) -> Any:  # noqa: ANN401
        return entry[0][0]

    if operator == "begins_with":
        length = len(bounds[0])
        return (
            bisect_left(entries, bounds[0], key=sort_value),
            bisect_right(entries, bounds[0], key=lambda entry: sort_value(entry)[:length]),
        )
    begin, end = _BEGIN.get(operator), _END.get(operator)
    return (
        begin(entries, bounds[0], key=sort_value) if begin else 0,
        end(entries, bounds[-1], key=sort_value) if end else len(entries),
    )
