"""What the demo shows in the terminal; plain lines, unwrapped, where its output goes elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from demo.stage import ADMIN, Stage
from demo.story import STORIES
from demo.timeline import Step, Watch
from tests.alerts.engines import ROUTES
from tests.servers.notified import Notice
from tests.tree import ROOT

UNWRAPPED = 1000
COLOURS = {"you": "yellow", "stack-exporter": "cyan", "Prometheus": "magenta", "Alertmanager": "blue"}
STATUS = {"critical": "bold red", "warning": "yellow", "resolved": "green"}


class Screen:
    """Lines of a person's terminal, or of a pipe."""

    def __init__(self) -> None:
        self.console = Console(highlight=False)
        if not self.console.is_terminal:
            self.console = Console(highlight=False, width=UNWRAPPED)

    def line(self, markup: str = "") -> None:
        self.console.print(markup, soft_wrap=True)

    @contextmanager
    def starting(self) -> Iterator[Callable[[str], None]]:
        """What it yields is called with what is being started."""
        self.line("[bold]A small shop, and what watches it[/], all on this machine:")
        with self.waiting("starting") as say:
            if self.console.is_terminal:
                yield say
            else:
                yield lambda what: self.line(f"starting {escape(what)}")

    @contextmanager
    def waiting(self, what: str) -> Iterator[Callable[[str], None]]:
        """Something moves, and says for how long already. What it yields puts other words there."""
        shown = _Waiting(what)
        with self.console.status(shown):
            yield shown.begin

    def addresses(self, stage: Stage) -> None:
        rows = (
            ("the shop", f"{stage.shop.url}/products"),
            ("stack-exporter", f"{stage.daemon.url}/   [dim]log in with any name and the password {ADMIN}[/]"),
            ("Prometheus", f"{stage.engines.prometheus.url}/alerts"),
            ("Alertmanager", stage.engines.alertmanager.url),
        )
        for name, address in rows:
            self.line(f"  [bold]{name:<15}[/] {address}")
        if stage.factor == 1:
            self.line("Rules and routes wait as they do in production: for minutes.")
        else:
            after = 300 / stage.factor
            self.line(
                f"What rules and routes wait for is divided by {stage.factor:g}: 5 minutes take {after:g} s here."
            )

    def step(self, step: Step) -> None:
        what = escape(step.what) + (f"  [dim]({escape(step.waits)})[/]" if step.waits else "")
        colour = COLOURS.get(step.who, "green")
        self._row(Text(f"{step.after:.2f} s", "dim"), Text(step.who, colour), Text.from_markup(what))

    def notice(self, notice: Notice) -> None:
        """One that arrived, with the time of day."""
        state = notice.status if notice.status == "resolved" else notice.labels.get("severity", "")
        summary = notice.annotations.get("summary", notice.name)
        told = Text.assemble((f"{state:<9}", STATUS.get(state, "dim")), summary, (f"  {notice.name}", "dim"))
        at = time.strftime("%H:%M:%S", time.localtime(notice.at))
        quiet = "dim" if notice.receiver == "history" else "green"
        self._row(Text(at, "dim"), Text(notice.receiver, quiet), told)

    def by_hand(self, stage: Stage, *, typed: bool) -> None:
        """How a user breaks things."""
        self.line("\n[bold]Break something[/], and see here who is told of it:")
        for name, story in STORIES.items():
            command = story.by_hand(stage)
            if typed or command:
                label = f"  [bold]{name:<12}[/]" if typed else " "
                self.line(f"{label} {escape(story.what)}" + (f"   [dim]or: {escape(command)}[/]" if command else ""))
        if typed:
            self.line("Type a name and Enter. [bold]Enter[/] alone mends everything, [bold]Ctrl-C[/] ends the demo.\n")
        else:
            names = "|".join(STORIES)
            self.line(f"Ctrl-C ends the demo. Broken, shown and mended by itself: make demo break={escape(names)}\n")

    def told(self, watch: Watch) -> None:
        """How quick it was, and what else people heard of meanwhile."""
        self.line(f"[dim]From firing to the last receiver: {watch.delay:.2f} s.[/]")
        if others := watch.others():
            self.line(f"[dim]Also told meanwhile: {', '.join(others)}.[/]")

    def where(self, watch: Watch) -> None:
        """Where to read on."""
        rule = watch.rule
        self.line(f"\nWhat to do then: [bold]{rule.runbook.relative_to(ROOT)}[/], which the notification links to.")
        self.line(f"Its rule: {rule.file.relative_to(ROOT)}. Who is told: {ROUTES.relative_to(ROOT)}.")

    def _row(self, *cells: RenderableType) -> None:
        row = Table.grid(padding=(0, 2, 0, 0))
        row.add_column(width=8, justify="right", no_wrap=True)
        row.add_column(width=16, no_wrap=True)
        row.add_column(overflow="fold")
        row.add_row(*cells)
        self.console.print(row)


class _Waiting:
    """A text with the seconds since it was put there, each time it is drawn."""

    def __init__(self, what: str) -> None:
        self.begin(what)

    def begin(self, what: str) -> None:
        self.what, self.began = what, time.monotonic()

    def __rich__(self) -> Text:
        return Text(f"{time.monotonic() - self.began:5.1f} s  {self.what}", "dim")
