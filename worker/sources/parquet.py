"""Parquet files."""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from app.errors import LookalikeError
from worker.sources.files import SourceFile
from worker.sources.interfaces import ROWS, ColumnFrame, Frame


class ParquetTable:
    """A Parquet file. See `Table`.

    Args:
        file: the file.
        wanted: columns to read; all by default.

    Raises:
        LookalikeError: it is not a Parquet file, or is cut off.
    """

    def __init__(self, file: SourceFile, wanted: Sequence[str] | None = None) -> None:
        self.name = file.name
        self.root = file.root
        self.notes: list[str] = []
        self._file = file
        self._wanted = wanted
        with self._open() as parquet:
            self.columns = list(parquet.schema_arrow.names)
            self._rows = parquet.metadata.num_rows

    def has(self, column: str) -> bool:
        """Return whether there is a column."""
        return column in self.columns

    def size(self) -> int | None:
        """Return the number of rows."""
        return int(self._rows)

    def frames(self) -> Iterator[Frame]:
        """Read all rows."""
        names = [name for name in self.columns if self._wanted is None or name in self._wanted]
        row = 1
        with self._open() as parquet:
            batches = parquet.iter_batches(batch_size=ROWS, columns=names)
            while True:
                try:
                    batch = next(batches, None)
                    columns = {} if batch is None else _columns(batch)
                except (pa.ArrowException, OSError) as error:
                    raise self._damaged(error) from None
                if batch is None:
                    return
                yield ColumnFrame(range(row, row + batch.num_rows), columns)
                row += batch.num_rows

    def _open(self) -> pq.ParquetFile:
        try:
            return pq.ParquetFile(self._file.path)
        except (pa.ArrowException, OSError) as error:
            raise self._damaged(error) from None

    def _damaged(self, error: Exception) -> LookalikeError:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else "unreadable"
        return LookalikeError(
            f"{self.name} is not a complete Parquet file: {reason[:200]}; fetch or write it again"
        )


def _columns(batch: pa.RecordBatch) -> dict[str, Sequence[Any]]:
    return {
        name: _values(column)
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
    }


def _values(column: pa.Array) -> list[Any]:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        # Several times as fast as to_pylist().
        return list(column.to_numpy(zero_copy_only=False).tolist())
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    return list(column.to_pylist())
