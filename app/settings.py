"""Every setting, and the only place that reads the environment."""

from functools import cache
from pathlib import Path

from platformdirs import user_data_path
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What an operator can set, from the environment or a `.env` file in the working folder."""

    model_config = SettingsConfigDict(
        env_prefix="LOOKALIKE_", env_file=".env", extra="ignore", frozen=True, populate_by_name=True
    )

    database_url: str | None = Field(
        default=None,
        validation_alias="DATABASE_URL",
        description="libpq URI of the Postgres to use; unset, an embedded server under `home`",
    )
    home: Path = Field(
        default_factory=lambda: user_data_path("lookalike"),
        description="folder of the embedded server and of the weights kept by hash",
    )
    images: Path | None = Field(
        default=None,
        description="root of the photos, where it is not the ingested catalog's folder",
    )
    model: str = Field(
        default="resnet50",
        description="backbone that `embed` registers on a database without a model",
    )
    batch_size: int = Field(
        default=64, ge=1, description="photos per encoder call and transaction of the worker"
    )
    hnsw_m: int = Field(default=16, ge=2, le=100, description="neighbours a node of the index has")
    hnsw_ef_construction: int = Field(
        default=200, ge=4, le=1000, description="candidates weighed for a node while building"
    )
    index_memory: str | None = Field(
        default=None,
        pattern=r"^\d+\s*(kB|MB|GB)$",
        description="maintenance_work_mem of the index build, such as 2GB; unset, the server's own",
    )
    web_workers: int = Field(default=2, ge=1, description="processes of `serve`")
    web_threads: int = Field(default=8, ge=1, description="threads of each process of `serve`")
    pool_size: int = Field(default=8, ge=1, description="database connections per process, at most")


@cache
def get_settings() -> Settings:
    """Return the settings of this process, read once."""
    return Settings()
