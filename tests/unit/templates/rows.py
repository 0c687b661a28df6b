"""Jobs of every kind, as hypothesis draws them."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from tests.support import generated_rows

_TEXTS = st.one_of(
    st.sampled_from(
        ['{"Ref":"x"}', "${x}", "Fn::Sub", "it's", '"', "\\", "{{", "}}", "%", "é😀", " a  b ", ""]
    ),
    st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12),
).filter(lambda text: not any(part in text for part in ("{%", "%}", "{{resolve", "{{ resolve")))
_PAYLOADS = st.dictionaries(
    _TEXTS.filter(lambda key: key not in ("_run", "a", "item")),
    st.one_of(_TEXTS, st.integers(-9, 9), st.booleans(), st.none(), st.lists(_TEXTS, max_size=2)),
    max_size=3,
)


def job_of(row):
    return generated_rows.job_of(generated_rows.row_of(row))


def _rows(options):
    drawn = {name: st.sampled_from(values) for name, values in options.items()}
    return st.fixed_dictionaries({**drawn, "payload": _PAYLOADS})


JOBS = st.one_of(*map(_rows, generated_rows.OPTIONS)).map(job_of)


def canonical(payload):
    return json.loads(json.dumps(payload))
