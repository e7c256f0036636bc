"""Build documents that cost a server more than their sender, as hypothesis strategies."""

from __future__ import annotations

from hypothesis import strategies as st

from api.document_limits import MAX_CHARACTERS

FIELDS = {
    "Query": ["__typename", "order", "orders", "product", "products", "saga", "parkedSagas"],
    "Order": ["__typename", "id", "lines", "payment", "shipment", "status", "total"],
}
ARGUMENTS = st.sampled_from(
    ["", "", '(id: "x")', "(first: 100)", "(first: 1)", "(a: 1, b: 2)", "(id: [[[[1]]]])"]
)
TYPES = st.sampled_from(["Query", "Order", "Product", "Mutation", "Nobody"])
REPEATS = st.integers(1, 120)
NAMES = st.integers(0, 40).map(lambda number: f"F{number}")


@st.composite
def selections(draw: st.DrawFn, depth: int = 0) -> str:
    """Build one selection, perhaps repeated, perhaps nested."""
    kind = draw(st.sampled_from(["leaf", "leaf", "field", "spread", "inline"]))
    if kind == "leaf" or depth > 6:
        text = draw(st.sampled_from(FIELDS["Query"] + FIELDS["Order"] + ["nobody"]))
    elif kind == "spread":
        text = f"...{draw(NAMES)}"
    else:
        inner = draw(selection_sets(depth + 1))
        name = draw(st.sampled_from(FIELDS["Query"] + FIELDS["Order"] + ["edges", "node"]))
        head = name + draw(ARGUMENTS) if kind == "field" else f"... on {draw(TYPES)}"
        text = head + inner
    alias = draw(st.sampled_from(["", "", "", "a: "])) if not text.startswith(".") else ""
    times = draw(st.sampled_from([1, 1, 1, 2, 8, 40]))
    return f"{alias}{text} " * (times if len(text) * times < MAX_CHARACTERS else 1)


@st.composite
def selection_sets(draw: st.DrawFn, depth: int = 0) -> str:
    return "{" + "".join(draw(st.lists(selections(depth), min_size=1, max_size=5))) + "}"


@st.composite
def random_documents(draw: st.DrawFn) -> str:
    operations = draw(st.lists(selection_sets(), min_size=1, max_size=3))
    fragments = draw(st.lists(selection_sets(), max_size=8))
    return "".join(f"query Q{i} {body}" for i, body in enumerate(operations)) + "".join(
        f"fragment F{i} on {draw(TYPES)} {body}" for i, body in enumerate(fragments)
    )


@st.composite
def chains(draw: st.DrawFn) -> str:
    """Build fragments that each spread a later one several times."""
    length, width, stride = draw(REPEATS), draw(st.integers(1, 8)), draw(st.integers(1, 3))
    leaf = draw(st.sampled_from(["__typename", "orders{edges{node{id}}}", "nobody", "...F0"]))
    spreads = [
        "".join(f"...F{min(i + stride * (j + 1), length)} " for j in range(width))
        for i in range(length)
    ]
    fragments = [f"fragment F{i} on Query{{{body}}}" for i, body in enumerate(spreads)]
    return f"{{...F0}}{''.join(fragments)}fragment F{length} on Query{{{leaf}}}"


@st.composite
def lists_of_the_same(draw: st.DrawFn) -> str:
    """Build many similar parts: fields, fragments, variables, arguments, directives."""
    count = draw(st.integers(1, 1_000))
    name = "x" * draw(st.sampled_from([1, 10, 100, 1000]))
    start, part, end = draw(
        st.sampled_from(
            [
                ("{", "products{edges{node{sku}}}", "}"),
                ("{", "nobody_{n}", "}"),
                ("{", "{n}a{i}: __typename ", "}"),
                ("{", "...F{i} ", "}"),
                ("query(", "$a{i}: Int ", "){__typename}"),
                ("query(", "$a: [Int!]! ", "){__typename}"),
                ("{__typename", " @{n}", "}"),
                ("{__typename", " @skip(if: $a{i})", "}"),
                ("{products(", "{n}{i}: 1 ", "){__typename}}"),
                ("{products(first: [", "{a: 1}", "]){__typename}}"),
                ("mutation{placeOrder(input: {", "{n}: 1 ", "}){position}}"),
                ("mutation{placeOrder(input: {lines: [", '{sku: "{n}"}', "]}){position}}"),
                ("{", "...on Query{__typename}", "}"),
                ("{", "{orders", "}"),
                ("", "{__typename}", ""),
                ("", "query Q{i}{...F0}", "fragment F0 on Query{__typename}"),
                ("", "fragment F{i} on Query{__typename}", "{...F0}"),
                ("#", "{n}", "\n{__typename}"),
                ('{product(sku: "', "{n}", '"){sku}}'),
            ]
        )
    )
    parts = (part.replace("{i}", str(i)).replace("{n}", name) for i in range(count))
    return start + "".join(parts) + end


slow_documents = st.one_of(random_documents(), chains(), lists_of_the_same())


def fragment_bomb(fragments: int) -> str:
    """Build fragments that each spread the next twice: 2^fragments paths lead to the last."""
    spreads = "".join(
        f"fragment F{i} on Query{{...F{i + 1} ...F{i + 1}}}" for i in range(fragments)
    )
    return f"{{...F0}}{spreads}fragment F{fragments} on Query{{__typename}}"
