"""nginx's own language, as users write it: text to a tree of directives, or the reason why it is none.

A snippet is put into a block of ours, so it must be whole in itself: a brace too many would end our block, and
the rest would be somebody else's. Only the shape is looked at here; what the directives mean, nginx says.

Splitting the text into words is crossplane's.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from crossplane import lexer

Directive = dict[str, Any]
"""As crossplane has it: directive, args, line, and a block where there is one."""

_END = "vipkeeper-end-of-text"


class BadText(ValueError):
    """Not nginx's language; the message has the line."""


def parse(text: str) -> list[Directive]:
    """The directives of `text`, without comments. Raises BadText."""
    # The lexer is silent about a text that ends within a word or a quotation: then our last word does not come out.
    tokens = lexer._lex_file_object(io.StringIO(f"{text}\n{_END};\n"))
    directives, ended = _block(iter(tokens), depth=0)
    if ended or not directives or directives[-1]["directive"] != _END:
        raise BadText(f"line {text.count(chr(10)) + 1}: the text ends within a directive, a block or a quotation")
    return directives[:-1]


def _block(tokens: Iterator[tuple[str, int, bool]], depth: int) -> tuple[list[Directive], bool]:
    """Directives up to the closing brace (True) or the end of the text (False)."""
    directives: list[Directive] = []
    words: list[str] = []
    first_line = 0
    for token, line, quoted in tokens:
        if token.startswith("#") and not quoted:
            continue
        if quoted or token not in ("{", "}", ";"):
            first_line = first_line if words else line
            words.append(token)
            continue
        if token == "}":
            if depth == 0:
                raise BadText(f'line {line}: unexpected "}}"')
            if words:
                raise BadText(f'line {line}: "{words[0]}" is not ended by ";"')
            return directives, True
        if not words:
            raise BadText(f'line {line}: unexpected "{token}"')
        directive: Directive = {"directive": words[0], "args": words[1:], "line": first_line}
        if token == "{":
            directive["block"], ended = _block(tokens, depth + 1)
            if not ended:
                raise BadText(f'line {line}: the block of "{words[0]}" is not closed by "}}"')
        if words[0] == "if":
            directive["args"] = _without_parentheses(words[1:])
        directives.append(directive)
        words = []
    return directives, False


def _without_parentheses(args: list[str]) -> list[str]:
    """crossplane writes the parentheses of `if` by itself."""
    if args and args[0].startswith("(") and args[-1].endswith(")"):
        args = [args[0][1:].lstrip(), *args[1:]]
        args[-1] = args[-1][:-1].rstrip()
    return [word for word in args if word]
