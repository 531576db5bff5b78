"""Every setting, and the only place that reads the environment."""

import os
import re
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal

from platformdirs import user_data_path
from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.errors import LookalikeError

PREFIX = "LOOKALIKE_"

METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""prometheus-client's own variable."""

LIMIT = re.compile(r"[1-9]\d{0,8}\s*(?:/|per)\s*(?:second|minute|hour|day)")
ORIGIN = re.compile(r"https?://[a-z0-9_-]+(\.[a-z0-9_-]+)*(:\d{1,5})?", re.IGNORECASE)


class Settings(BaseSettings):
    """What an operator can set, from the environment or a `.env` file in the working folder."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", extra="ignore", frozen=True, populate_by_name=True
    )

    database_url: str | None = Field(
        default=None,
        validation_alias="DATABASE_URL",
        repr=False,  # it may hold a password
        description="address of the Postgres to use, as libpq's or SQLAlchemy's URI; unset, an "
        "embedded server under `home`",
    )
    home: Path = Field(
        default_factory=lambda: user_data_path("lookalike"),
        description="folder of the embedded server and of the weights kept by hash",
    )
    images: str | None = Field(
        default=None,
        description="root of the photos, a folder or URL; unset, the ingested source's folder",
    )
    allow_private_addresses: bool = Field(
        default=False,
        description="fetch photos from addresses of private and local networks too",
    )
    model: str = Field(
        default="resnet50",
        description="backbone that `embed` registers on a database without a model",
    )
    batch_size: int = Field(
        default=64, ge=1, description="photos per encoder call and transaction of the worker"
    )
    hnsw_m: int = Field(
        default=16, ge=2, le=100, description="neighbours that each node of the index links to"
    )
    hnsw_ef_construction: int = Field(
        default=400,
        ge=4,
        le=1000,
        description="candidates considered for each node while building the index",
    )
    hnsw_ef_search: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="candidates considered in a search; unset, the database's own or 30",
    )
    index_memory: str | None = Field(
        default=None,
        pattern=r"^\d+\s*(kB|MB|GB)$",
        description="maintenance_work_mem of the index build, such as 2GB; unset, the server's own",
    )
    web_workers: int = Field(default=2, ge=1, description="processes of `serve`")
    web_threads: int = Field(default=8, ge=1, description="threads of each process of `serve`")
    trusted_proxies: int = Field(
        default=0,
        ge=0,
        description="proxies in front of `serve` whose X-Forwarded-For, -Proto, -Host, -Port and "
        "-Prefix headers are trusted",
    )
    hosts: str | None = Field(
        default=None,
        description="names by which `serve` answers, with commas between; .example.com is any name "
        "below it; unset: any, or localhost alone where it listens on loopback without a proxy",
    )
    keys: Literal["required", "off"] | None = Field(
        default=None,
        description="whether requests to `serve` need a key of `lookalike keys`: required, or off "
        "for a network of your own; unset: required, unless it listens on loopback without a proxy",
    )
    limit_key: str = Field(
        default="200/second", description="requests that a key may send to `serve`"
    )
    limit_address: str | None = Field(
        default=None,
        description="requests that an address may send to `serve` without a key; unset: 20/second, "
        "or any number where no key is needed",
    )
    limit_storage: str = Field(
        default="memory://",
        repr=False,  # it may hold a password
        description="where `serve` counts requests: memory://, each process by itself, or "
        "redis://HOST:PORT",
    )
    slow_seconds: float = Field(
        default=1.0, gt=0, description="seconds above which `serve` logs a request as slow"
    )
    drain_seconds: float = Field(
        default=2.0,
        ge=0,
        le=600,
        description="seconds that `serve` still answers after SIGTERM, while /readyz gives 503",
    )
    max_upload_mb: int = Field(default=20, ge=1, le=1000, description="largest upload, in MB")
    thumbnail_cache_mb: int = Field(
        default=1000,
        ge=0,
        description="size of the folder of thumbnails under `home`, in MB; 0: none are kept",
    )
    cors_origins: str | None = Field(
        default=None,
        description="origins whose web pages may read the API, such as https://shop.example, with "
        "commas between, or * for all; unset, none but its own",
    )
    pool_size: int = Field(default=8, ge=1, description="most database connections per process")
    metrics_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="port on which `embed` serves Prometheus metrics; unset, none",
    )
    metrics_host: str = Field(
        default="127.0.0.1",
        description="address to serve metrics on; 0.0.0.0 for all of this machine's",
    )
    log_format: Literal["text", "json"] = Field(
        default="text",
        description="json: the log on standard error is one JSON object a line, without progress "
        "bars",
    )

    @field_validator("hnsw_ef_construction")
    @classmethod
    def _check_ef_construction(cls, value: int, info: ValidationInfo) -> int:
        if value < 2 * info.data.get("hnsw_m", 0):  # else pgvector fails when the index is built
            raise ValueError("it has to be at least twice LOOKALIKE_HNSW_M")
        return value

    @field_validator("limit_key", "limit_address")
    @classmethod
    def _check_limit(cls, value: str | None) -> str | None:
        for part in (value or "").split(";"):
            if value is not None and not LIMIT.fullmatch(part.strip()):
                raise ValueError("expected a number and a time, such as 200/second or 5000/hour")
        return value

    @field_validator("cors_origins")
    @classmethod
    def _check_origins(cls, value: str | None) -> str | None:
        for origin in _split(value):
            if origin != "*" and not ORIGIN.fullmatch(origin):
                raise ValueError(
                    f"{origin!r} is no origin: expected a scheme and a host, and no path, such as "
                    "https://shop.example, or *"
                )
        return value

    @property
    def allowed_origins(self) -> list[str]:
        """Return the entries of `cors_origins`."""
        return _split(self.cors_origins)

    @field_validator("*", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: Any, info: ValidationInfo) -> Any:
        if value != "" or info.field_name is None:
            return value
        return cls.model_fields[info.field_name].get_default(
            call_default_factory=True, validated_data={}
        )

    def require_keys(self, listening_on: str) -> bool:
        """Return whether a server that listens on an address answers requests with a key alone."""
        if self.keys is not None:
            return self.keys == "required"
        return bool(self.trusted_proxies) or not is_loopback(listening_on)

    def host_names(self, listening_on: str) -> list[str] | None:
        """Return the names by which a server that listens on an address answers; None: any."""
        if self.hosts:
            return [name.strip().lower() for name in self.hosts.split(",") if name.strip()]
        if self.trusted_proxies or not is_loopback(listening_on):
            return None
        return ["localhost", "127.0.0.1", "[::1]", listening_on.lower()]

    def environment(self) -> dict[str, str]:
        """Return an environment that gives a child process these settings despite any `.env`."""
        values = {_variable(name): getattr(self, name) for name in Settings.model_fields}
        return {
            **os.environ,
            **{name: "" if value is None else str(value) for name, value in values.items()},
        }


@cache
def get_settings() -> Settings:
    """Return the settings of this process, read once.

    Raises:
        LookalikeError: a setting has an invalid value; the text names it.
    """
    try:
        return Settings()
    except ValidationError as error:
        found = error.errors()[0]
        name = _variable(str(found["loc"][0]))
        reason = found["msg"].removeprefix("Value error, ")
        raise LookalikeError(f"{name} is {str(found['input'])!r}: {reason}") from None


def metrics_folder() -> str | None:
    """Return the folder in which this process shares its metrics; None if it doesn't."""
    return os.environ.get(METRICS_FOLDER)


def share_metrics(folder: str) -> None:
    """Let prometheus-client, which reads this when it is imported, share metrics in a folder."""
    os.environ[METRICS_FOLDER] = folder


def is_loopback(host: str) -> bool:
    """Return whether only processes of this machine reach an address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _split(value: str | None) -> list[str]:
    """Return the parts of a setting that are divided by commas."""
    return [part.strip() for part in (value or "").split(",") if part.strip()]


def _variable(name: str) -> str:
    """Return the environment variable of a setting, named by its field or by its alias."""
    alias = Settings.model_fields[name].validation_alias if name in Settings.model_fields else name
    return str(alias or f"{PREFIX}{name.upper()}")
