"""Stack traces as the languages print them."""

import time
import traceback

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.ingest.otlp_stack import LONGEST, MOST_FRAMES, chain

PYTHON = """Traceback (most recent call last):
  File "/app/db.py", line 3, in read
    return rows["k"]
           ~~~~^^^^^
KeyError: 'k'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/views.py", line 9, in pay
    read()
  File "/app/views.py", line 4, in read
    raise shop.errors.PaymentError("bad: row")
shop.errors.PaymentError: bad: row
  of two lines
"""
GROUP = """  + Exception Group Traceback (most recent call last):
  |   File "/app/a.py", line 11, in <module>
  |     g()
  | ExceptionGroup: many (1 sub-exception)
  +-+---------------- 1 ----------------
    | ValueError: a
    +------------------------------------
"""
NODE = """Error: boom
    at Server.<anonymous> (file:///srv/app/otelapp.mjs:2:104)
    at async Promise.all (index 0)
    at new Foo (/app/a b.js:1:2)
    at /app/x.js:3:4 {
  [cause]: TypeError: inner
      at inner (/app/c.js:9:1)
}"""
GECKO = "pay@https://shop.example/app.js:10:5\n@https://shop.example/app.js:12:1\n"
JAVA = """java.lang.IllegalStateException: outer: x
\tat com.acme.Shop.pay(Shop.java:12)
\tat java.base/java.lang.Thread.run(Thread.java:829)
\tSuppressed: java.io.IOException: close
\t\tat com.acme.Res.close(Res.java:3)
Caused by: java.io.IOException: inner
\tat com.acme.Net.read(Native Method)
\t... 1 more"""
NET = """System.InvalidOperationException: outer
 ---> System.ArgumentException: inner
   at Acme.Net.Read(String a, Int32 b) in /src/Net.cs:line 7
   --- End of inner exception stack trace ---
   at Acme.Shop.Pay() in /src/Shop.cs:line 12
   at Acme.Program.Main(String[] args)"""
GO = """goroutine 1 [running]:
go.opentelemetry.io/otel/sdk/trace.recordStackTrace(0x1)
\t/go/pkg/mod/go.opentelemetry.io/otel/sdk/trace/span.go:461 +0x1d
acme.com/shop/pay.(*Shop).Pay(0xc000)
\t/app/pay/pay.go:12 +0x5
created by main.main in goroutine 1
\t/app/main.go:3

goroutine 2 [running]:
other.f()
\t/app/other.go:1
"""
PHP = "#0 /app/src/Shop.php(12): App\\Shop->pay('x')\n#1 /app/index.php(3): run()\n#2 {main}"
OTEL_PHP = "RuntimeException: boom\n\tat App.Shop.pay(Shop.php:12)\n\tat {main}(index.php:3)\nCaused by: LogicException: in\n\tat App.x(y.php:1)"
RUBY = "shop.rb:12:in `pay': boom (RuntimeError)\n\tfrom shop.rb:3:in `<main>'\nshop.rb:9:in 'Net#read': inner (IOError)\n\tfrom shop.rb:10:in `pay'"

STACKS = {
    "Python": (PYTHON, [
        ("KeyError", "'k'", [("", "read", "/app/db.py", 3)]),
        ("shop.errors.PaymentError", "bad: row", [("", "pay", "/app/views.py", 9), ("", "read", "/app/views.py", 4)]),
    ]),
    "a group of Python": (GROUP, [("ExceptionGroup", "many (1 sub-exception)", [("", "<module>", "/app/a.py", 11)])]),
    "Node": (NODE, [
        ("TypeError", "inner", [("", "inner", "/app/c.js", 9)]),
        ("Error", "boom", [
            ("", "", "/app/x.js", 3), ("", "new Foo", "/app/a b.js", 1), ("", "Promise.all", "", 0),
            ("", "Server.<anonymous>", "file:///srv/app/otelapp.mjs", 2),
        ]),
    ]),
    "Firefox": (GECKO, [("", "", [
        ("", "", "https://shop.example/app.js", 12), ("", "pay", "https://shop.example/app.js", 10),
    ])]),
    "Java": (JAVA, [
        ("java.io.IOException", "inner", [("com.acme.Net", "read", "", 0)]),
        ("java.lang.IllegalStateException", "outer: x", [
            ("java.lang.Thread", "run", "Thread.java", 829), ("com.acme.Shop", "pay", "Shop.java", 12),
        ]),
    ]),
    ".NET": (NET, [
        ("System.ArgumentException", "inner", [("Acme.Net", "Read", "/src/Net.cs", 7)]),
        ("System.InvalidOperationException", "outer", [
            ("Acme.Program", "Main", "", 0), ("Acme.Shop", "Pay", "/src/Shop.cs", 12),
        ]),
    ]),
    "Go": (GO, [("", "", [
        ("main", "main", "/app/main.go", 3), ("acme.com/shop/pay", "(*Shop).Pay", "/app/pay/pay.go", 12),
    ])]),
    "PHP": (PHP, [("", "", [("", "run", "/app/index.php", 3), ("App\\Shop", "pay", "/app/src/Shop.php", 12)])]),
    "OpenTelemetry PHP": (OTEL_PHP, [
        ("LogicException", "in", [("App", "x", "y.php", 1)]),
        ("RuntimeException", "boom", [("", "{main}", "index.php", 3), ("App.Shop", "pay", "Shop.php", 12)]),
    ]),
    "Ruby": (RUBY, [
        ("IOError", "inner", [("", "pay", "shop.rb", 10), ("", "Net#read", "shop.rb", 9)]),
        ("RuntimeError", "boom", [("", "<main>", "shop.rb", 3), ("", "pay", "shop.rb", 12)]),
    ]),
    "nobody": ("nothing here\nor here", []),
    "nothing": ("", []),
}  # fmt: skip


@pytest.mark.parametrize("language", STACKS)
def test_a_stack_of(language: str) -> None:
    text, expected = STACKS[language]
    found = [(s.type, s.value, [(f.module, f.function, f.filename, f.line) for f in s.frames]) for s in chain(text)]
    assert found == expected


def test_pythons_own_text_of_a_cause() -> None:
    try:
        try:
            raise KeyError("k")
        except KeyError as error:
            raise ValueError("two\nlines") from error
    except ValueError:
        text = traceback.format_exc()
    assert [(s.type, s.value, [f.function for f in s.frames]) for s in chain(text)] == [
        ("KeyError", "'k'", ["test_pythons_own_text_of_a_cause"]),
        ("ValueError", "two", ["test_pythons_own_text_of_a_cause"]),
    ]


def test_the_innermost_frames_of_a_deep_stack_stay() -> None:
    text = "Traceback (most recent call last):\n" + "".join(f'  File "a.py", line {n}, in f\n' for n in range(1, 500))
    (section,) = chain(text)
    assert [frame.line for frame in section.frames] == [*range(500 - MOST_FRAMES, 500)]


HOSTILE = [
    "  at " * 20_000, "\n".join(["  at a(b:1:1)"] * 9_000), "at " + "a" * 60_000 + "(", "#0 " + "(" * 60_000,
    "a:1:in `" + "'" * 60_000, "goroutine 1\n" + "\t:1\n" * 20_000, "---> " * 12_000, "x@" + ":1" * 30_000,
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_a_hostile_stack_takes_no_longer_than_its_length(number: int) -> None:
    began = time.process_time()
    chain(HOSTILE[number] * 3)
    assert time.process_time() - began < 0.5


LINES = [line for text, _ in STACKS.values() for line in text.splitlines()]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(LINES) | st.text(max_size=40), max_size=20).map("\n".join))
def test_any_text_gives_frames_or_none(text: str) -> None:
    for section in chain(text):
        assert all(0 <= frame.line < 10**9 for frame in section.frames)
    assert len(text) < LONGEST
