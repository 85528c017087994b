"""Whether a case's alert did what it has to, in each scenario: problems in words, none when it did."""

import re
from collections.abc import Iterator

from tests.rules.cases import Case
from tests.rules.expand import INSTANCE, JOB, SCENARIOS, SILENT, jobs, moments, own_labels, place, scenarios, team
from tests.rules.observe import Labels, Observed, Seen

History = dict[int, str]
"""pending or firing, by second."""


def problems(case: Case, subject: str, observed: Observed, escalated: str = "") -> list[str]:
    """What each scenario did wrong."""
    found = []
    for scenario in scenarios(case):
        seen = observed.tests.get(observed.homes.get(place(case, scenario), ""))
        if seen is None:
            return [f"not evaluated: {error}" for error in observed.errors] or ["promtool said nothing of it"]
        found += [f"{scenario} ({SCENARIOS[scenario]}): {one}" for one in _scenario(case, scenario, seen, subject)]
    return found


def _scenario(case: Case, scenario: str, seen: Seen, subject: str) -> Iterator[str]:
    histories = _histories(case, scenario, seen)
    if scenario in SILENT:
        for labels, history in histories.items():
            at = min(history)
            yield f"{history[at]} at {_shown(at)}: {_readable(labels)}"
        return
    expected = [_expected(case, scenario, job, subject) for job in jobs(case, scenario)]
    for labels in expected:
        if labels in histories:
            yield from _timeline(case, scenario, histories[labels])
            yield from _told(case, scenario, labels, seen)
        else:
            yield f"did not fire with {_readable(labels)}"
    for labels in histories.keys() - set(expected):
        yield f"{history_state(histories[labels])} with other labels than expected: {_readable(labels)}"


def history_state(history: History) -> str:
    at = min(history)
    return f"{history[at]} at {_shown(at)}"


def _histories(case: Case, scenario: str, seen: Seen) -> dict[Labels, History]:
    found: dict[Labels, History] = {}
    for at, states in sorted(seen.states.items()):
        for labels, state in states.items():
            own = dict(labels)
            if (own["alertname"], own.get("severity")) != (case.alert, case.severity):
                continue
            if case.alone or own.get("namespace") == place(case, scenario):
                found.setdefault(labels, {})[at] = state
    return found


def _expected(case: Case, scenario: str, job: str, subject: str) -> Labels:
    labels: dict[str, str | None] = {"alertname": case.alert, "severity": case.severity, "subject": subject}
    if not case.alone:
        labels |= {"namespace": place(case, scenario), "job": job}
        labels |= {} if case.service else {"instance": INSTANCE}
    labels |= own_labels(case)
    owner = team(case, job)
    owned = bool(owner) or job == JOB or not (case.component.get("team") or case.service.get("team"))
    labels |= {"team": owner} if owner else {}
    labels |= {label: value for label, value in case.labels.items() if owned or label != "team"}
    return tuple(sorted((label, str(value)) for label, value in labels.items() if value is not None and value != ""))


def _timeline(case: Case, scenario: str, history: History) -> Iterator[str]:
    times = moments(case)
    if case.always:
        if wrong := [at for at in times if history.get(at) != "firing" and at >= case.wait]:
            yield f"not firing at {_shown(wrong[0])}"
        return
    begins = min(history)
    if begins < case.changes:
        yield f"{history[begins]} at {_shown(begins)}, while all is quiet (until {_shown(case.changes)})"
        return
    if begins > case.changes + case.within:
        yield f"first {history[begins]} {_shown(begins - case.changes)} after the change: later than `within`"
    itself = scenario == "born" or case.itself
    for at in times:
        state, fires = history.get(at, "quiet"), begins + case.wait
        if begins <= at < fires and state != "pending":
            yield f"{state} at {_shown(at)}, {_shown(at - begins)} after it began: pending until {_shown(case.wait)}"
            return
        if (at == fires or (fires < at < case.ends and not itself)) and state != "firing":
            yield f"{state} at {_shown(at)}, {_shown(at - begins)} after it began: firing from {_shown(case.wait)} on"
            return
    last = max(history)
    resolved = case.ends + case.keep + (0 if itself else case.within)
    if last >= resolved:
        yield f"still {history[last]} at {_shown(last)}: quiet again by {_shown(resolved)}"


def _told(case: Case, scenario: str, labels: Labels, seen: Seen) -> Iterator[str]:
    told = {at: alerts[labels] for at, alerts in sorted(seen.said.items()) if labels in alerts}
    if not told:
        return
    annotations = told[max(told)]
    for name, text in annotations.items():
        if match := re.search(r"<error[^>]*|<no value>|%!\w\([^)]*|\bNaN\b|\n|  ", text):
            yield f"{name} holds {match[0]!r}: {text}"
    if scenario == "fires" and ("job", JOB) in labels and annotations.get("summary") != case.summary:
        yield f"summary\n      is       {annotations.get('summary')!r}\n      expected {case.summary!r}"


def _readable(labels: Labels) -> str:
    return "{" + ", ".join(f"{name}={value}" for name, value in labels) + "}"


def _shown(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    return "".join(f"{n}{u}" for n, u in ((hours, "h"), (minutes, "m"), (left, "s")) if n) or "0s"
