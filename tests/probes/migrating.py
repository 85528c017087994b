"""Real Alembic and real Django: they make the migrations, and they apply them."""

import io
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

ENVIRONMENT = """
import os
from alembic import context
from sqlalchemy import NullPool, create_engine
url = os.environ["URL"]
table = os.environ.get("TABLE", "alembic_version")
if context.is_offline_mode():
    context.configure(dialect_name="postgresql", version_table=table)
    with context.begin_transaction():
        context.run_migrations()
else:
    with create_engine(url, poolclass=NullPool).connect() as connection:
        context.configure(connection=connection, version_table=table)
        with context.begin_transaction():
            context.run_migrations()
"""
# In a process of its own, as its settings are the process's; commands by line, as a start takes half a second.
DJANGO = """if True:
    import os, sys, traceback
    sys.path.insert(0, os.getcwd())
    if "mysql" in os.environ["URL"]:
        import pymysql
        pymysql.version_info = (2, 2, 7, "final", 0)  # the mysqlclient that Django asks for
        pymysql.install_as_MySQLdb()
    from urllib.parse import urlsplit
    import django
    from django.conf import settings
    url = urlsplit(os.environ["URL"])
    databases = {
        name: {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{name}.db"} for name in ("default", "one", "two", "empty")
    }
    if url.scheme == "mysql":
        names = {"NAME": url.path[1:], "HOST": url.hostname, "PORT": url.port, "USER": url.username}
        databases["default"] = {"ENGINE": "django.db.backends.mysql", **names}
    settings.configure(
        INSTALLED_APPS=["django.contrib.contenttypes", "orders", "billing.apps.BillingConfig"],
        DATABASES=databases, DEFAULT_AUTO_FIELD="django.db.models.AutoField", USE_TZ=True,
    )
    django.setup()
    from django.core.management import call_command
    from django.db import connections
    from django.db.migrations.executor import MigrationExecutor
    for line in sys.stdin:
        if line.startswith("plan "):
            executor = MigrationExecutor(connections[line.split()[1]])
            plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
            print(*(f"{one.app_label}.{one.name}" for one, _ in plan if one.app_label != "contenttypes"), flush=True)
        else:
            call_command(*line.split())"""


@dataclass(frozen=True)
class Alembic:
    """A project whose revisions are in `versions`."""

    folder: Path

    @classmethod
    def made(cls, folder: Path) -> "Alembic":
        (folder / "script" / "versions").mkdir(parents=True)
        (folder / "script" / "env.py").write_text(ENVIRONMENT)
        template = Path(_alembic()) / "templates" / "generic" / "script.py.mako"
        (folder / "script" / "script.py.mako").write_text(template.read_text())
        (folder / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s/script\n")
        return cls(folder)

    @property
    def script(self) -> Path:
        return self.folder / "script"

    @property
    def versions(self) -> Path:
        return self.script / "versions"

    def run(self, *commands: str, url: str = "", **environment: str) -> str:
        """What `alembic COMMAND` prints, for each in turn."""
        from alembic.config import CommandLine, Config

        printed = io.StringIO()
        line = CommandLine()
        with mock.patch.dict(os.environ, {"URL": url, **environment}):
            for command in commands:
                options = line.parser.parse_args(command.split())
                file = self.folder / "alembic.ini"
                line.run_cmd(Config(file, cmd_opts=options, stdout=printed, output_buffer=printed), options)
        return printed.getvalue()


@dataclass(frozen=True)
class Django:
    """A project with the apps `orders`, and `billing`, whose label is `accounts`."""

    folder: Path

    @classmethod
    def made(cls, folder: Path) -> "Django":
        for name in ("orders", "billing"):
            (folder / name / "migrations").mkdir(parents=True)
            (folder / name / "__init__.py").touch()
            (folder / name / "migrations" / "__init__.py").touch()
        config = 'class BillingConfig(AppConfig):\n    name = "billing"\n    label = "accounts"\n'
        (folder / "billing" / "apps.py").write_text(f"from django.apps import AppConfig\n\n\n{config}")
        return cls(folder)

    def model(self, app: str, *fields: str) -> None:
        """Let an app's only model have these fields, all of them numbers."""
        lines = [f"    {name} = models.IntegerField(default=0)\n" for name in fields]
        (self.folder / app / "models.py").write_text(
            f"from django.db import models\n\n\nclass Thing(models.Model):\n{''.join(lines)}"
        )

    def run(self, *commands: str, url: str = "") -> str:
        """What `manage.py COMMAND` prints, for each in turn; `plan DATABASE`: what Django itself would apply.

        Databases are one, two and empty, files of the folder; and the default one, which is at `url`.
        """
        done = subprocess.run(
            [sys.executable, "-c", DJANGO], input="\n".join(commands), capture_output=True, text=True, timeout=60,
            cwd=self.folder, env=os.environ | {"URL": url, "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout


def _alembic() -> Path:
    import alembic

    return Path(alembic.__file__).parent
