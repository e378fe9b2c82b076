"""Joins the lines that a mail program broke to keep them short (format=flowed, RFC 3676).

It is here because a sentence, an address or a Japanese word is else read in two halves. Quoted lines stay quoted.
It does not decide which text is flowed; parse.py reads that from the Content-Type.
"""

__all__ = ["unflowed"]


def unflowed(text: str, *, delete_space: bool = False) -> str:
    """`text` (LF line ends) with soft line breaks joined; `delete_space` is the parameter DelSp of RFC 3676."""
    lines: list[str] = []
    pieces: list[str] = []
    depth = 0
    for line in text.split("\n"):
        content = line.lstrip(">")
        marks = len(line) - len(content)
        content = content[1:] if content.startswith(" ") and not content.startswith(" >") else content
        if pieces and (marks != depth or content in {"", "-- "}):  # many programs leave a space before an empty line
            lines.append(_whole(depth, pieces))
        depth = marks
        soft = content.endswith(" ") and content != "-- "
        pieces.append(content[:-1] if soft and delete_space else content)
        if not soft:
            lines.append(_whole(depth, pieces))
    if pieces:
        lines.append(_whole(depth, pieces))
    return "\n".join(lines)


def _whole(depth: int, pieces: list[str]) -> str:
    """One line of the pieces, which it empties."""
    text = "".join(pieces)
    pieces.clear()
    return f"{'>' * depth} {text}".rstrip() if depth else text
