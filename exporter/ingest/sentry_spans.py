"""Calls of databases, caches and models among spans, by Sentry's operations and OpenTelemetry's attributes."""

from collections.abc import Mapping
from typing import Any

from exporter.ingest.sentry_event import Sent
from exporter.ingest.sentry_fields import first, name, number, words
from exporter.ingest.values import AiCall, CacheUse, Measured, Origin, Query

FAILING = frozenset(
    {"error", "internal_error", "internal", "unknown", "unknown_error", "unavailable", "deadline_exceeded", "aborted"}
    | {"data_loss", "invalid_argument", "failed_precondition", "permission_denied", "not_found", "already_exists"}
    | {"resource_exhausted", "unauthenticated", "unimplemented", "out_of_range", "cancelled"}
)
AGENTS = frozenset({"invoke_agent", "create_agent", "execute_tool", "invoke_workflow", "plan", "handoff", "pipeline"})
"""GenAI operations around calls of a model, whose tokens they repeat."""
AGENT_OPS = frozenset({"ai.run", "ai.pipeline", "ai.toolCall", "gen_ai.function_call"})
INPUT = ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "ai.prompt_tokens.used", "ai.usage.promptTokens")
OUTPUT = (
    *("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "ai.completion_tokens.used"),
    "ai.usage.completionTokens",
)
MODEL = ("gen_ai.request.model", "gen_ai.response.model", "ai.model_id", "ai.model.id")
PROVIDER = ("gen_ai.provider.name", "gen_ai.system", "ai.model.provider")
VERBS = frozenset(
    {"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE", "WITH", "CREATE", "ALTER", "DROP", "TRUNCATE", "CALL"}
    | {"BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "COPY", "CONNECT", "GET", "SET", "MGET", "MSET", "DEL"}
    | {"EXISTS", "HGET", "HSET", "HGETALL", "INCR", "EXPIRE", "PUBLISH", "LPUSH", "RPUSH", "LPOP", "BRPOP", "ZADD"}
    | {"PING", "FIND", "AGGREGATE", "MULTI", "EXEC", "EVAL", "SETEX", "SADD"}
)
MOST_TOKENS = 1e15


def calls(
    op: str,
    description: str,
    status: str,
    data: Mapping[str, Any],
    duration: float,
    origin: Origin,
    weight: float,
    sent: Sent,
) -> list[Measured]:
    """None when the span is another one."""
    family, _, rest = op.partition(".")
    failed = status in FAILING
    if family == "db":
        system = words(first(data, "db.system.name", "db.system")) or _system(rest)
        return [Query(origin, _named(system, sent), _verb(data, description), duration, failed, weight)]
    if family == "cache":
        hit = data.get("cache.hit")
        if not isinstance(hit, bool) or not rest.startswith("get"):
            return []
        cache = words(first(data, "db.system.name", "db.system", "cache.system")) or _last(data) or "cache"
        return [CacheUse(origin, _named(cache, sent), "hit" if hit else "miss", weight)]
    if family in ("ai", "gen_ai") and op not in AGENT_OPS:
        return _model(rest, data, duration, origin, weight, sent, failed=failed)
    return []


def _model(
    rest: str, data: Mapping[str, Any], duration: float, origin: Origin, weight: float, sent: Sent, *, failed: bool
) -> list[Measured]:
    operation = words(data.get("gen_ai.operation.name")) or rest.partition(".")[0]
    model, provider = words(first(data, *MODEL)), words(first(data, *PROVIDER))
    if operation in AGENTS or not (model or provider):
        return []
    spent = (_tokens(data, INPUT), _tokens(data, OUTPUT))
    cost = number(first(data, "gen_ai.usage.cost", "gen_ai.cost.total_tokens"))
    return [
        AiCall(
            origin,
            _named(provider, sent),
            _named(model, sent),
            _named(operation, sent) or "chat",
            duration,
            failed,
            *spent,
            cost if cost is not None and cost >= 0 else None,
            weight,
            "sdk",
        )
    ]


def _tokens(data: Mapping[str, Any], keys: tuple[str, ...]) -> float:
    return min(max(number(first(data, *keys)) or 0.0, 0.0), MOST_TOKENS)


def _named(text: str, sent: Sent) -> str:
    return sent.scrubber.text(name(text)) if text else ""


def _verb(data: Mapping[str, Any], description: str) -> str:
    """The statement's first word, where it is one that statements begin with: the rest may be anybody's data."""
    word = words(first(data, "db.operation.name", "db.operation")) or description.lstrip("( \n\t")[:40]
    word = word.split(None, 1)[0].upper() if word.strip() else ""
    return word if word in VERBS else "other"


def _system(rest: str) -> str:
    """Of `db.redis`; `db.sql.query` names none."""
    word = rest.partition(".")[0]
    return word if word in ("redis", "mongodb", "elasticsearch", "clickhouse", "cosmosdb", "dynamodb") else "sql"


def _last(data: Mapping[str, Any]) -> str:
    return words(data.get("sentry.origin")).rpartition(".")[2]
