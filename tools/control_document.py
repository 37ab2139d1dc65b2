"""Writes the reference part of docs/control.md from the protocol's classes: `python -m tools.control_document`. A test compares."""

import ast
import inspect
from pathlib import Path
from types import ModuleType
from typing import Any, get_args, get_origin

import msgspec

from softphone.bench.instruments.markdown import table
from softphone.control import events, requests, results
from softphone.control.protocol import COMMANDS, Command, Done, Event, reply_with, to_line
from tools import control_examples

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "control.md"
BEGIN, END = "<!-- reference: begin -->", "<!-- reference: end -->"
_LIMITS = {
    "ge": "at least {}",
    "le": "at most {}",
    "min_length": "at least {} long",
    "max_length": "at most {} long",
    "pattern": "matches `{}`",
}
_COMMON = ("id", "time", "monotonic")


def reference() -> str:
    """Types, commands and events in Markdown, as they stand between the marks of the document."""
    parts = ["## Types\n", _types(), "\n## Commands\n"]
    parts += [_command(name, kind) for name, kind in COMMANDS.items()]
    parts.append("## Events\n")
    parts += [_event(kind) for kind in get_args(events.AnyEvent)]
    return "\n".join(parts)


def write() -> None:
    """Replace what stands between the marks."""
    text = DOCUMENT.read_text()
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    DOCUMENT.write_text(f"{before}{BEGIN}\n{reference().strip()}\n{END}{after}")


def _types() -> str:
    """What the names of types stand for."""
    rows = []
    for name, kind in vars(requests).items():
        meta = next((part for part in get_args(kind)[1:] if isinstance(part, msgspec.Meta)), None) if not inspect.isclass(kind) else None
        if meta is not None:
            rows.append((f"`{name}`", get_args(kind)[0].__name__, _limits(meta)))
        elif get_origin(kind) is not None and str(get_origin(kind)) == "typing.Literal":
            rows.append((f"`{name}`", "str", "one of " + ", ".join(f"`{value}`" for value in get_args(kind))))
    for name, kind in {**vars(events), **vars(results)}.items():
        if inspect.isclass(kind) and issubclass(kind, msgspec.Struct) and kind.__struct_fields__ and not issubclass(kind, Event):
            form = "array" if kind.__struct_config__.array_like else "object"
            rows.append((f"`{name}`", form, f"{_text(kind)} Fields: {', '.join(f'`{field}`' for field in kind.__struct_fields__)}."))
    return table(("type", "JSON", "limits or fields"), rows) + "\n"


def _limits(meta: msgspec.Meta) -> str:
    return meta.description or ", ".join(text.format(value) for key, text in _LIMITS.items() if (value := getattr(meta, key)) is not None)


def _command(name: str, kind: type[Command[Any]]) -> str:
    example = control_examples.COMMANDS[kind]
    lines = [f"### {name}\n", _text(kind) + "\n", *_fields(kind, requests), "```json", _shown(to_line(example))]
    result = control_examples.RESULTS.get(kind, Done())
    lines += [_shown(to_line(reply_with(example.id, result))), "```\n", *_result(kind.result_type())]
    return "\n".join(lines)


def _result(kind: type[msgspec.Struct]) -> list[str]:
    return [f"Type of the result: `{kind.__name__}`.\n"] if kind is not Done else []


def _event(kind: type[Event]) -> str:
    lines = [f"### {kind.__struct_config__.tag}\n", _text(kind) + "\n", *_fields(kind, events), "```json"]
    return "\n".join([*lines, _shown(to_line(control_examples.EVENTS[kind])), "```\n"])


def _shown(line: bytes) -> str:
    return line.decode().strip()


def _text(kind: type) -> str:
    return " ".join(inspect.cleandoc(kind.__doc__ or "").split())


def _fields(kind: type[msgspec.Struct], module: ModuleType) -> list[str]:
    """A table of the fields that are this class's own."""
    source = _sources(module)[kind.__name__]
    rows = []
    for field in msgspec.structs.fields(kind):
        if field.name in _COMMON:
            continue
        annotation, meaning = source[field.name]
        if annotation.startswith("Annotated["):
            annotation = annotation.removeprefix("Annotated[").partition(", Meta")[0]
            meaning = "; ".join(filter(None, (_limits(field.type.__metadata__[0]), meaning)))
        rows.append((f"`{field.name}`", f"`{annotation}`", _default(field), meaning))
    return [table(("field", "type", "default", "meaning"), rows) + "\n"] if rows else []


def _default(field: Any) -> str:
    if field.default is not msgspec.NODEFAULT:
        return f"`{msgspec.json.encode(field.default).decode()}`"
    return "needed" if field.default_factory is msgspec.NODEFAULT else f"`{msgspec.json.encode(field.default_factory()).decode()}`"


def _sources(module: ModuleType) -> dict[str, dict[str, tuple[str, str]]]:
    """Class -> field -> (annotation, text below it), from the module's text: comments below fields are not kept at run time."""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for node in ast.parse(inspect.getsource(module)).body:
        if not isinstance(node, ast.ClassDef):
            continue
        fields = found.setdefault(node.name, {})
        for statement, following in zip(node.body, [*node.body[1:], None], strict=True):
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                text = ""
                if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
                    text = " ".join(str(following.value.value).split())
                fields[statement.target.id] = (ast.unparse(statement.annotation), text)
    return found


if __name__ == "__main__":
    write()
