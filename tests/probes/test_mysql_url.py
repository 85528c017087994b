"""The forms in which applications write the address of a MySQL or MariaDB, and what each means."""

from typing import Any

import pytest

from exporter.probes import _mysql_url
from exporter.probes._mysql_url import AnyName, Target
from exporter.probes._tls import TLS
from tests import certificates

ANY = TLS(insecure_skip_verify=True)
CA = str(certificates.authority())


def target(**differs: Any) -> Target:
    usual: dict[str, Any] = {
        "host": "db", "port": 3306, "path": "", "user": "me", "password": "", "database": "", "tls": ANY, "required": False,
    }  # fmt: skip
    return Target(**{**usual, **differs})


FORMS = {
    "mysql://me@db": target(),
    "mysql://me@db/": target(),
    "MySQL://me:secret@db:3307/shop": target(port=3307, password="secret", database="shop"),
    "mariadb://me@db/shop": target(database="shop"),
    "mysql2://me:s%2Fe@db/shop?encoding=utf8mb4&pool=5": target(password="s/e", database="shop"),
    "mysql+pymysql://me@db/shop?charset=utf8mb4": target(database="shop"),
    "mariadb+mariadbconnector://me@db/shop": target(database="shop"),
    "mysql-connector://me@db/shop": target(database="shop"),
    "mysqlgis://me@db/shop": target(database="shop"),
    "jdbc:mysql://db:3306/shop?user=me&password=se%26ret&sslMode=REQUIRED": target(
        password="se&ret", database="shop", required=True
    ),
    "jdbc:mariadb://db/shop?user=me&sslMode=trust": target(database="shop", required=True),
    "mysql://me:p@ss:w@db/": target(password="p@ss:w"),
    "mysql://m%40e@db/": target(user="m@e"),
    "mysql://me@": target(host="localhost"),
    "mysql://me@[::1]:3307/": target(host="::1", port=3307),
    "mysql://me@db/shop%20floor": target(database="shop floor"),
    "mysql://me@db?ssl-mode=DISABLED": target(tls=None),
    "mysql://me@db?ssl=false": target(tls=None),
    "mysql://me@db?ssl_disabled=true&ssl_ca=/x": target(tls=None),
    "mysql://me@db?useSSL=true": target(required=True),
    "mysql://me@db?requireSSL=true": target(required=True),
    "mysql://me@db?ssl_mode=preferred": target(),
    "mysql://me@db?ssl-mode=verify_identity": target(tls=TLS(), required=True),
    "mysql://me@db?sslmode=verify-full": target(tls=TLS(), required=True),
    f"mysql://me@db?ssl_ca={CA}": target(tls=AnyName(ca_file=CA), required=True),
    f"mysql://me@db?ssl.ca={CA}&ssl_verify_identity=true": target(tls=TLS(ca_file=CA), required=True),
    "mysql://me@db?ssl_verify_cert=1": target(tls=AnyName(), required=True),
    "mysql://me@localhost/shop?unix_socket=/run/mysqld/mysqld.sock": target(
        host="", port=0, path="/run/mysqld/mysqld.sock", database="shop", tls=None
    ),
    "mysql://me@/shop?socket=/run/m.sock": target(host="", port=0, path="/run/m.sock", database="shop", tls=None),
    "mysql://me@%2Frun%2Fm.sock/shop": target(host="", port=0, path="/run/m.sock", database="shop", tls=None),
}
WRONG = {
    "": "expected a URL",
    "db:3306": "expected a URL",
    "postgresql://me:planted@db": "expected a URL",
    "mysql:me:planted@db": "expected a URL",
    "mysql://me:planted@db:none": "percent-encoded",
    "mysql://me:planted@db:0": "percent-encoded",
    "mysql://me:planted@db:65536": "percent-encoded",
    "mysql://me:planted@db1,db2/": "percent-encoded",
    "mysql://me:planted@[::1": "percent-encoded",
    "mysql://me:planted@fe80::1": "percent-encoded",
    "mysql://db": "names no user",
    "mysql://:planted@db": "names no user",
    "mysql://me:planted@db?ssl-mode=planted": "ssl-mode is one of disabled, preferred, required, verify_ca, verify_iden",
    "mysql://me:planted@db?unix_socket=run/m.sock": "unix_socket is an absolute path",
    "mysql://me:planted@db?ssl_ca=/no/ca.pem": "/no/ca.pem: No such file",
    "mysql://me:planted@db?ssl-mode=required&ssl_key=/no/key.pem": "key_file needs cert_file",
}


@pytest.mark.parametrize("url", FORMS)
def test_a_form_is_read_as_what_it_means(url: str) -> None:
    found = _mysql_url.parse(url)
    assert found == FORMS[url]
    assert type(found.tls) is type(FORMS[url].tls)


@pytest.mark.parametrize("url", WRONG)
def test_what_can_not_be_read_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(ValueError, match=r"\A(?!.*planted)") as raised:
        _mysql_url.parse(url)
    assert WRONG[url] in str(raised.value)


def test_what_stands_beside_the_url_takes_precedence() -> None:
    tls = TLS(min_version="TLS13")
    assert _mysql_url.parse("mysql://a:b@db", "me", "word", tls) == target(password="word", tls=tls, required=True)
    assert _mysql_url.parse("mysql://db", "me") == target()


@pytest.mark.parametrize("url", ["mysql://me@db?ssl-mode=disabled", "mysql://me@db?unix_socket=/x"])
def test_tls_is_not_taken_where_there_can_be_none(url: str) -> None:
    with pytest.raises(ValueError, match="tls needs a host"):
        _mysql_url.parse(url, tls=TLS())


def test_a_target_says_where_it_is_without_the_password() -> None:
    found = _mysql_url.parse("mysql://me:planted@[::1]:3307/")
    assert found.where == "[::1]:3307"
    assert "planted" not in repr(found)
    assert _mysql_url.parse("mysql://me@h?unix_socket=/x").where == "/x"
