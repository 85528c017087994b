"""Which errors are one: by class and own frames, else by message; or as the application says by rule or fingerprint.

Of a chain of exceptions the last counts. Service is in the fingerprint, release and environment are not. Beyond so many
new groups an hour a service's errors go to one overflow group, whose memory does not grow with what is sent.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

from exporter.config.application import Class, Grouping, Owner
from exporter.ingest.group_known import Known
from exporter.ingest.group_message import pattern_of
from exporter.ingest.group_rules import Rule, Rules, filled
from exporter.ingest.group_traits import NONE, Traits, traits
from exporter.ingest.owners import Claim, Owners, team
from exporter.ingest.ports import Grouped
from exporter.ingest.severity import Severities, Verdict
from exporter.ingest.values import Occurrence
from exporter.tally import OVERFLOW

OVERFLOW_TYPE = OVERFLOW
OVERFLOW_TITLE = "Too many different errors: those beyond the limit of new groups are counted here"
TITLE = 200
"""Characters of a title."""
REMEMBERED = 2_048
"""Stacks whose traits are remembered, 2 kB each."""


@dataclass(frozen=True, slots=True)
class _Story:
    """What all errors with one class and one stack have in common."""

    traits: Traits
    """Without the names of its files and frames, which take much room and are not asked for again."""
    parts: tuple[str, ...]
    """Of the default fingerprint, but for the message where the frames do not tell enough."""
    claims: tuple[Claim, ...]
    rules: tuple[Rule, ...]


class Groups:
    """Groups by the rules in force. `known` is handed on from one configuration to the next."""

    def __init__(
        self,
        classes: Mapping[str, Class] | None = None,
        owners: Sequence[Owner] = (),
        grouping: Sequence[Grouping] = (),
        known: Known | None = None,
        teams: Mapping[str, str] | None = None,
    ) -> None:
        """`teams` own a service's errors that no rule of `owners` gives to another."""
        self.known = Known() if known is None else known
        self._severities = Severities(classes or {})
        self._owners = Owners(owners)
        self._rules = Rules(grouping)
        self._teams = teams or {}
        self._stories: OrderedDict[int, _Story] = OrderedDict()
        self._message = self._tell(NONE, ("message",))

    def group(self, occurrence: Occurrence) -> Grouped:
        """What it is one of. Never raises."""
        story = self._story(occurrence)
        about = story.traits
        message = _message(occurrence)
        service = occurrence.origin.service
        fingerprint = _digest(service, self._parts(story, occurrence, message))
        verdict = self._severities.verdict(occurrence)
        owner = team(story.claims, occurrence) or self._teams.get(service, "")
        if not self.known.admit(service, fingerprint):
            return self._overflow(service, verdict)
        return Grouped(
            fingerprint=fingerprint.hex(),
            title=_title(about, occurrence, message),
            culprit=about.culprit or occurrence.transaction,
            type=about.type,
            severity=verdict.severity,
            security=verdict.security,
            code=verdict.code,
            team=owner,
        )

    def _overflow(self, service: str, verdict: Verdict) -> Grouped:
        """What has no room; where there are too many services too, all of theirs in one."""
        fingerprint = _digest(service, (OVERFLOW_TYPE,))
        if not self.known.admit_overflow(fingerprint):
            fingerprint = _digest(OVERFLOW_TYPE, (OVERFLOW_TYPE,))
        return Grouped(
            fingerprint=fingerprint.hex(),
            title=OVERFLOW_TITLE,
            culprit="",
            type=OVERFLOW_TYPE,
            severity=verdict.severity,
            security=verdict.security,
            team=self._teams.get(service, ""),
        )

    def _parts(self, story: _Story, occurrence: Occurrence, message: str) -> Sequence[str]:
        def default() -> Sequence[str]:
            if story.traits.telling:
                return story.parts
            told = message if occurrence.raised else occurrence.template or message
            return (*story.parts, pattern_of(told))

        chosen = next((rule.fingerprint for rule in story.rules if rule.holds(occurrence, message)), None)
        given = chosen or occurrence.fingerprint
        if not given:
            return default()
        return filled(given, default, occurrence, message, story.traits) or default()

    def _story(self, occurrence: Occurrence) -> _Story:
        if not occurrence.raised:
            return self._message
        last = occurrence.raised[-1]
        type_ = last.type or last.value[:200]
        # By its hash alone, as the frames of 2,048 stacks would take more room than what is made of them.
        key = hash((type_, last.module, last.frames, occurrence.platform))
        story = self._stories.get(key)
        if story is None:
            about = traits(last, occurrence.platform)
            places = dict.fromkeys(where for where, _ in about.identities)
            told = [text for one in about.identities for text in one] if about.telling else list(places)
            parts = ("exception", about.type, _digest("", told).hex())
            story = self._stories[key] = self._tell(about, parts)
            if len(self._stories) > REMEMBERED:
                self._stories.popitem(last=False)
        else:
            self._stories.move_to_end(key)
        return story

    def _tell(self, about: Traits, parts: tuple[str, ...]) -> _Story:
        kept = replace(about, names=(), modules=(), files=(), identities=about.identities[-1:])
        return _Story(kept, parts, self._owners.claims(about), self._rules.of(about))


def _message(occurrence: Occurrence) -> str:
    if occurrence.raised:
        return occurrence.raised[-1].value or occurrence.message
    return occurrence.message or occurrence.template


def _title(about: Traits, occurrence: Occurrence, message: str) -> str:
    line = " ".join(message[: 2 * TITLE].split())
    if not occurrence.raised:
        return line[:TITLE] or "(no message)"
    line = line.removeprefix(f"{about.type}: ")
    return f"{about.type}: {line}"[:TITLE] if line else about.type


def _digest(service: str, parts: Sequence[str]) -> bytes:
    # Each with its length before it: no text can say what is a part of its own.
    joined = "".join(f"{len(part)}:{part}" for part in (service, *parts))
    return blake2b(joined.encode("utf-8", "replace"), digest_size=16).digest()
