"""A module of settings as far as it is known without running it: constants, paths, and the variables it reads."""

import ast
from collections.abc import Mapping
from pathlib import Path

# os.environ.get, os.getenv, django-environ's env and env.str, python-decouple's config: a name, maybe a default.
_READERS = ("get", "getenv", "env", "config", "str", "url", "path", "int", "bool")
# Besides them environs, which wraps dj_database_url as dj_db_url.
_URLS = ("db", "db_url", "dj_db_url", "parse", "cache", "cache_url")


class Settings:
    """The assignments of a module; values are texts of the configuration, in which ${NAME} is a variable."""

    def __init__(self, module: ast.Module, folder: Path) -> None:
        self._folder = folder
        self._assigned: dict[str, ast.expr] = {}
        self._open: set[str] = set()
        """Names whose values are being looked for: one of them again is a circle."""
        for statement in ast.walk(module):
            if isinstance(statement, ast.Assign):
                for target in statement.targets:
                    if isinstance(target, ast.Name):
                        self._assigned[target.id] = statement.value
            elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value:
                self._assigned[statement.target.id] = statement.value

    def node(self, name: str) -> ast.expr | None:
        return self._assigned.get(name)

    def text(self, name: str) -> str:
        """A setting's value; '' when it is not there, or can't be known."""
        return self.value(self._assigned.get(name)) or ""

    def true(self, name: str) -> bool:
        node = self._assigned.get(name)
        return isinstance(node, ast.Constant) and node.value is True

    def number(self, node: ast.expr | None) -> int:
        """A whole number, also as 10 * 1024 * 1024; 0 for what is none."""
        if isinstance(node, ast.Constant) and isinstance(node.value, int):
            return int(node.value)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            return self.number(node.left) * self.number(node.right)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            base, power = self.number(node.left), self.number(node.right)
            return base**power if 0 <= power <= 40 and abs(base) <= 1024 else 0
        return 0

    def mapping(self, name: str) -> Mapping[str, ast.expr]:
        return self.entries(self._assigned.get(name))

    def entries(self, node: ast.expr | None) -> Mapping[str, ast.expr]:
        """A dict's entries by their constant keys."""
        if isinstance(node, ast.Name):
            node = self._assigned.get(node.id)
        if not isinstance(node, ast.Dict):
            return {}
        pairs = zip(node.keys, node.values, strict=True)
        return {
            key.value: value for key, value in pairs if isinstance(key, ast.Constant) and isinstance(key.value, str)
        }

    def url(self, node: ast.expr) -> str:
        """What dj_database_url and django-environ make a database of: the URL, or the variable that holds it."""
        if not isinstance(node, ast.Call):
            return ""
        called = _called(node)
        if called not in _URLS and not (called == "config" and ast.unparse(node.func).startswith("dj_database_url")):
            return ""
        given = self.value(node.args[0]) if node.args else ""
        words = {word.arg: self.value(word.value) for word in node.keywords}
        if called == "parse":
            return given or ""
        variable = given or words.get("env") or ("CACHE_URL" if "cache" in called else "DATABASE_URL")
        default = words.get("default") or ""
        return _variable(variable, default)

    def value(self, node: ast.expr | None, default: str = "") -> str | None:
        """The text of an expression, None when it can't be known; `default` is that of a variable without one."""
        match node:
            case ast.Constant(value=str() | int() as plain):
                return None if "${" in str(plain) else str(plain)  # which here would be a variable's name
            case ast.Name(id=name):
                return self._folder_of(name) or self._named(name, default)
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return self._joined([left, right])
            case ast.JoinedStr(values=values):
                parts = [self.value(v.value if isinstance(v, ast.FormattedValue) else v, default) for v in values]
                return None if None in parts else "".join(map(str, parts))
            case ast.Subscript(value=ast.Attribute(attr="environ"), slice=ast.Constant(value=str() as name)):
                return _variable(name, default)
            case ast.Call():
                return self._call(node, default)
        return None

    def variable(self, node: ast.expr) -> str:
        """${NAME:-} for an expression that reads a variable; '' for any other, which may hold a secret."""
        said = self.value(node)
        return f"{said.partition(':-')[0].rstrip('}')}:-}}" if said and said.startswith("${") else ""

    def _named(self, name: str, default: str) -> str | None:
        if name in self._open:
            return None
        self._open.add(name)
        try:
            return self.value(self._assigned.get(name), default)
        finally:
            self._open.discard(name)

    def _call(self, node: ast.Call, default: str) -> str | None:
        called = _called(node)
        wraps = called in ("str", "Path") and node.args and not isinstance(node.args[0], ast.Constant)
        if called == "join" or wraps:
            return self._joined(node.args)
        if called not in _READERS or not node.args or not isinstance(node.args[0], ast.Constant):
            return None
        words = {word.arg: word.value for word in node.keywords}
        second = node.args[1] if len(node.args) > 1 else words.get("default")
        said = self.value(second) if second is not None else None
        return _variable(str(node.args[0].value), said if said and "${" not in said else default)

    def _joined(self, parts: list[ast.expr]) -> str | None:
        texts = [self.value(part) for part in parts]
        return None if None in texts else str(Path(*map(str, texts)))

    def _folder_of(self, name: str) -> str:
        """BASE_DIR and its like, which climb from __file__, are the project's folder."""
        node = self._assigned.get(name)
        return str(self._folder) if node is not None and "__file__" in ast.unparse(node) else ""


def _variable(name: str, default: str) -> str:
    # A brace would end the default early.
    return f"${{{name}:-{default}}}" if default and not set("{}") & set(default) else f"${{{name}}}"


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
