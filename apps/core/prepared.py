"""Statements of the hot path: put into words once, from the models, and then only sent.

The ORM takes several times as long to word a statement as it takes to send it and read its answer
(docs/performance.md). What is worded here cannot differ from the models: names of tables, columns and joins still come
from them.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, lru_cache
from typing import Any, Generic, NamedTuple, TypeVar

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection
from django.db.models import BooleanField, Expression, Field, Func, JSONField, Model, QuerySet
from django.db.models.query import get_related_populators

M = TypeVar("M", bound=Model)
Row = dict[str, Any]


class Given(Expression):
    """A value that is only known when the query is asked."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list["Given"]]:  # type: ignore[override]
        return "%s", [self]


class AnyOf(Func):
    """`AnyOf("pk", Given("ids"))`: the column is one of a given list. The words do not depend on its length."""

    template = "%(expressions)s)"
    arg_joiner = " = ANY("
    output_field = BooleanField()


class Prepared:
    """`Prepared(lambda: Product.objects.filter(pk=Given("id")).values("name"))`, asked as `.rows(id=7)`.

    The query must end in `values(...)` with names of fields, and select nothing else.
    """

    def __init__(self, query: Callable[[], QuerySet[Any, Any]]) -> None:
        self._query = query

    @cached_property
    def _worded(self) -> tuple[str, tuple[Any, ...], tuple[str, ...]]:
        # Not before it is first asked: models are not ready while modules are loaded.
        query = self._query().query
        sql, values = query.sql_with_params()
        return sql, tuple(values), tuple(query.values_select)

    def rows(self, **given: Any) -> list[Row]:
        """All rows, each under the names of its fields."""
        sql, values, names = self._worded
        return [dict(zip(names, row, strict=True)) for row in _asked(sql, values, given)]

    def row(self, **given: Any) -> Row | None:
        """The first row, if there is any."""
        return next(iter(self.rows(**given)), None)


class _Shape(NamedTuple):
    """How a row becomes a model: its columns, what is joined to it, and what Python makes of some columns."""

    sql: str
    values: tuple[Any, ...]
    model: type[Model]
    columns: slice
    names: Sequence[str]
    joined: Sequence[Any]
    converters: Sequence[tuple[int, Any, Any]]


class PreparedModels(Generic[M]):
    """`PreparedModels(lambda: Sale.objects.select_related("cashier").filter(pk=Given("id")))`: whole rows.

    For `filter`, `order_by`, `select_related` and locks. What the ORM does beyond that (annotations, deferred columns,
    prefetches) is not done.
    """

    def __init__(self, query: Callable[[], QuerySet[M]]) -> None:
        self._query = query

    @cached_property
    def _shape(self) -> _Shape:
        compiler = self._query().query.get_compiler(DEFAULT_DB_ALIAS)
        sql, values = compiler.as_sql()
        info, select = compiler.klass_info, compiler.select
        assert info is not None
        first, last = info["select_fields"][0], info["select_fields"][-1]
        return _Shape(
            sql,
            tuple(values),
            info["model"],
            slice(first, last + 1),
            [column[0].target.attname for column in select[first : last + 1]],
            get_related_populators(info, select, DEFAULT_DB_ALIAS),  # type: ignore[call-arg]  # stubs of Django 6
            [
                (place, convert, expression)
                for place, (chain, expression) in compiler.get_converters([c[0] for c in select]).items()
                for convert in chain
            ],
        )

    def all(self, **given: Any) -> Iterator[M]:
        """All of them, in their order."""
        shape = self._shape
        for row in _asked(shape.sql, shape.values, given):
            columns = list(row)
            for place, convert, expression in shape.converters:
                columns[place] = convert(columns[place], expression, connection)
            found: Any = shape.model.from_db(DEFAULT_DB_ALIAS, shape.names, columns[shape.columns])
            for joined in shape.joined:
                joined.populate(columns, found)
            yield found

    def first(self, **given: Any) -> M | None:
        """The first, if there is any. All are read (and locked): for queries that find one, or hardly more."""
        return next(self.all(**given), None)


def _asked(sql: str, values: Sequence[Any], given: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, [given[value.name] if isinstance(value, Given) else value for value in values])
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


class Insertion:
    """Writes whole new rows of a model in one statement; what the database makes of them comes back onto them.

    As `bulk_create` does, in a quarter of its time: no signals, no batches, nothing is looked up.
    """

    def __init__(self, model: type[Model]) -> None:
        self._model = model

    @cached_property
    def _fields(self) -> "tuple[list[Field[Any, Any]], list[Field[Any, Any]]]":
        """What we write, and what the database does: keys, numbers, generated columns."""
        fields = self._model._meta.concrete_fields
        made = [field for field in fields if field.generated or field.primary_key or field.has_db_default()]
        return [field for field in fields if field not in made], made

    @cached_property
    def _words(self) -> tuple[str, str, str]:
        written, made = self._fields
        names = [", ".join(f'"{field.column}"' for field in fields) for fields in (written, made)]
        head = f'INSERT INTO "{self._model._meta.db_table}" ({names[0]}) VALUES '  # noqa: S608 - names of our models
        return head, f"({', '.join(['%s'] * len(written))})", f" RETURNING {names[1]}"

    def __call__(self, rows: Sequence[Model]) -> None:
        written, made = self._fields
        head, values, tail = self._words
        with connection.cursor() as cursor:
            cursor.execute(
                head + ", ".join([values] * len(rows)) + tail,
                [_bound(field, row) for row in rows for field in written],
            )
            for row, columns in zip(rows, cursor.fetchall(), strict=True):
                for field, value in zip(made, columns, strict=True):
                    setattr(row, field.attname, value)
                row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS


def write_changes(row: Model, names: Sequence[str]) -> None:
    """`row.save(update_fields=names)` without its ceremony; raises `DatabaseError` when the row is not there."""
    sql, fields = _change(type(row), tuple(names))
    with connection.cursor() as cursor:
        cursor.execute(sql, [*(_bound(field, row) for field in fields), row.pk])
        if cursor.rowcount != 1:
            raise DatabaseError(f"{row._meta.label} {row.pk} is not there.")


@lru_cache(maxsize=256)
def _change(model: type[Model], names: tuple[str, ...]) -> "tuple[str, list[Field[Any, Any]]]":
    fields: list[Any] = [model._meta.get_field(name) for name in dict.fromkeys(names)]
    columns = ", ".join(f'"{field.column}" = %s' for field in fields)
    key = model._meta.pk.column
    return f'UPDATE "{model._meta.db_table}" SET {columns} WHERE "{key}" = %s', fields  # noqa: S608


def _bound(field: "Field[Any, Any]", row: Model) -> Any:
    """The value as the driver takes it; it knows all kinds of ours but documents."""
    value = getattr(row, field.attname)
    return field.get_db_prep_save(value, connection) if isinstance(field, JSONField) else value
