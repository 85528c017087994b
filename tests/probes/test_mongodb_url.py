"""MongoDB's connection strings as the kind mongodb reads them, and what it refuses without showing it."""

from typing import Any

import msgspec
import pytest

from exporter.probes._mongodb_url import parse
from tests import hostile
from tests.fakes.mongod import mongod, status
from tests.probing import component, probe

SEEDS: dict[str, tuple[tuple[str, int], ...]] = {
    "mongodb://database": (("database", 27017),),
    "mongodb://database:1/shop": (("database", 1),),
    "mongodb://[::1]:27018/?tls=false": (("::1", 27018),),
    "mongodb://me:p%40ss@a:1,b,[::1]/shop?replicaSet=rs0": (("a", 1), ("b", 27017), ("::1", 27017)),
    "mongodb://%2Frun%2Fmongodb.sock/shop": (("/run/mongodb.sock", 0),),
    "mongodb+srv://cluster.example.org/shop": (),
}


@pytest.mark.parametrize("url", SEEDS)
def test_the_hosts_of_a_url(url: str) -> None:
    assert parse(url).seeds == SEEDS[url]


DIRECT: dict[str, bool] = {
    "mongodb://a": True,
    "mongodb://a/?directConnection=false": False,
    "mongodb://a/?replicaSet=rs0": False,
    "mongodb://a/?replicaset=rs0&directConnection=true": True,
    "mongodb://a,b": False,
    "mongodb+srv://a.example.org": False,
}


@pytest.mark.parametrize("url", DIRECT)
def test_one_host_is_asked_itself_unless_a_set_is_meant(url: str) -> None:
    assert parse(url).direct is DIRECT[url]


ENCRYPTED: dict[str, bool] = {
    "mongodb://a": False,
    "mongodb://a/?ssl=true": True,
    "mongodb://a/?TLS=true": True,
    "mongodb+srv://a.example.org": True,
    "mongodb+srv://a.example.org/?tls=false": False,
}


@pytest.mark.parametrize("url", ENCRYPTED)
def test_tls_is_what_the_url_says_and_with_srv_the_rule(url: str) -> None:
    assert parse(url).encrypted is ENCRYPTED[url]
    assert (parse(url).tls is not None) is ENCRYPTED[url]


def test_a_key_with_a_password_is_left_to_the_driver() -> None:
    url = "mongodb://a/?tls=true&tlsCertificateKeyFile=/no/such&tlsCertificateKeyFilePassword=x"
    assert (parse(url).encrypted, parse(url).tls) == (True, None)


REFUSED: dict[str, dict[str, Any]] = {
    "url: expected mongodb://": {"url": "postgresql://me:secret1@database"},
    "url: expected mongodb://user": {"url": "mongodb://me:secret1@data base"},
    "special characters in a password": {"url": "mongodb://me:secret1/@database:27017@x?/"},
    "url: expected": {"url": "mongodb://database:99999"},
    "url: mongodb+srv has one host and no port": {"url": "mongodb+srv://me:secret1@a.example.org:27017"},
    "url: the option tls is true or false": {"url": "mongodb://me:secret1@a/?tls=yes"},
    "url: tlsCAFile or tlsCertificateKeyFile: /no/such/file": {"url": "mongodb://a/?tls=true&tlsCAFile=/no/such/file"},
    "databases: a name has": {"url": "mongodb://a", "databases": ["a/b"]},
    "password: it needs username": {"url": "mongodb://a", "password": "secret1"},
    "Invalid enum value": {"url": "mongodb://a", "role": "arbiter"},
    "missing required field `url`": {},
}


@pytest.mark.parametrize("message", REFUSED)
def test_a_bad_configuration_is_refused_without_its_secrets(message: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        component("mongodb", **REFUSED[message])
    assert message in str(refused.value)
    assert "secret1" not in str(refused.value)


@pytest.mark.parametrize("form", [str, repr, str.upper])
def test_a_server_that_quotes_the_password_shows_none_of_it(form: Any) -> None:
    said = form("hunter2hunter2 and p@ss/w%rd of mongodb://me:hunter2hunter2@database")
    refusal = {"ok": 0.0, "code": 8, "codeName": "UnknownError", "errmsg": said}
    with mongod(status(), serverStatus=refusal) as server:
        url = f"mongodb://{server.address}/?authMechanismProperties=hunter2hunter2"
        for fields in (
            {"url": f"mongodb://me:hunter2hunter2@{server.address}/"},
            {"url": url, "username": "me", "password": "hunter2hunter2"},
        ):
            result = probe("mongodb", **fields)
            assert result.outcome == "unhealthy"
            assert "hunter2" not in result.detail.lower()


def test_an_unknown_option_is_named() -> None:
    with hostile.serving(hostile.mute, ask=False) as server, mongod() as known:
        result = probe("mongodb", url=f"mongodb://{known.address}/?noSuchOption=1")
        assert (result.reason, "nosuchoption" in result.detail.lower()) == ("configuration", True)
        assert server.connections == 0
