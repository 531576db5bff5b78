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
            self._type = pa.struct(list(parquet.schema_arrow))
            self._rows = parquet.metadata.num_rows

    def has(self, column: str) -> bool:
        """Return whether there is a column, or a field of a nested one."""
        return column in self.columns or _has(self._type, column.split("."))

    def size(self) -> int | None:
        """Return the number of rows."""
        return int(self._rows)

    def frames(self) -> Iterator[Frame]:
        """Read all rows."""
        names = [name for name in self.columns if self._is_wanted(name)]
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

    def _is_wanted(self, name: str) -> bool:
        return self._wanted is None or any(
            each == name or each.startswith(f"{name}.") for each in self._wanted
        )

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


def _has(kind: pa.DataType, path: Sequence[str]) -> bool:
    """Return whether values of a type have a field at a path, through lists."""
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _has(kind.value_type, path[1:] if path and path[0].isdigit() else path)
    if not path:
        return True
    at = kind.get_field_index(path[0]) if isinstance(kind, pa.StructType) else -1
    return at >= 0 and _has(kind.field(at).type, path[1:])


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
