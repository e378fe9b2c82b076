"""No SQL is made of strings: what is executed is a literal or a statement of SQLAlchemy, values are parameters."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "sequencer"

# Calls that take SQL as text.
TEXTUAL = {"text", "exec_driver_sql", "literal_column", "DDL", "TextClause", "executescript"}
# Calls that take a statement; a string among their arguments must be a literal too.
EXECUTING = {"execute", "executemany", "scalar", "scalars"}
MAKERS = {"format", "join", "replace", "format_map", "removeprefix", "removesuffix"}
# Whose text is handed in, from literals of the code alone.
ALLOWED = {
    "store/database.py": '"BEGIN IMMEDIATE" if writes else "BEGIN"',
    "store/columns.py": "text(where)",  # the condition of a partial index, in tables.py
}


def is_made(node: ast.expr) -> bool:
    """Whether a string is put together here."""
    match node:
        case ast.JoinedStr():
            return True
        case ast.BinOp(left=left, right=right):
            return any(is_text(each) or is_made(each) for each in (left, right))
        case ast.Call(func=ast.Attribute(attr=name)):
            return name in MAKERS
        case ast.IfExp(body=body, orelse=orelse):
            return is_made(body) or is_made(orelse)
    return False


def is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def made_statements(nodes: list[ast.AST]) -> Iterator[int]:
    """The lines on which SQL may be made of strings."""
    sql_names = {
        alias.asname or alias.name
        for node in nodes
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "sqlalchemy"
        for alias in node.names
    }
    for node in nodes:
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        is_sql_name = isinstance(node.func, ast.Attribute) or name in sql_names
        given = node.args[0]
        if name in ("text", "literal_column"):
            wrong = name in sql_names and not is_text(given)
        elif name in TEXTUAL:
            wrong = is_sql_name and not is_text(given)
        else:
            wrong = name in EXECUTING and is_sql_name and is_made(given)
        if wrong:
            yield node.lineno


def test_no_sql_is_made_of_strings(trees: dict[Path, list[ast.AST]]) -> None:
    made: list[str] = []
    for path, nodes in trees.items():
        lines = path.read_text().splitlines()
        allowed = ALLOWED.get(str(path.relative_to(PACKAGE)), "\0")
        made += [f"{path}:{line}" for line in made_statements(nodes) if allowed not in lines[line - 1]]
    assert not made


@pytest.mark.parametrize(
    "source",
    [
        "connection.execute(f'SELECT {x}')",
        "connection.execute('SELECT ' + x)",
        "connection.execute('SELECT %s' % x)",
        "connection.execute('SELECT {}'.format(x))",
        "connection.execute(' '.join(x))",
        "connection.exec_driver_sql(x)",
        "connection.exec_driver_sql('a' if y else f'{x}')",
        "from sqlalchemy import text\ntext(x)",
        "from sqlalchemy import text as sql, text\ntext(f'{x}')",
        "cursor.executescript(x)",
        "connection.scalar('SELECT ' + x)",
    ],
)
def test_the_rule_finds_what_it_is_for(source: str) -> None:
    assert list(made_statements(list(ast.walk(ast.parse(source)))))
