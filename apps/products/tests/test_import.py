"""`manage.py import_products`: all rows or none, run as often as one likes."""

import gzip
import io
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from apps.core import ports
from apps.inventory.models import Movement
from apps.inventory.services import Occasion, issue_stock
from apps.products import catalogue_file, importing
from apps.products.management.commands import import_products
from apps.products.models import Category, Product, StockLevel
from apps.products.services import create_product

HEADER = "sku,barcode,name,category,price,cost_price,tax,stock,low_stock_threshold"
MILK = "A1,6161106380039,Low fat milk,Dairy,41.00,36.12,16.00,48,20"
RICE = "A2,,Rice,Dry goods,161.00,120.00,0.00,7.5,10"
TEA = "A3,012345678905,Tea,,74,51.39,16,0,5"
COLUMNS = ("sku", "barcode", "name", "category__name", "price", "cost_price", "tax", "low_stock_threshold")

pytestmark = pytest.mark.django_db
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Puts lines into a file: `write(HEADER, MILK)`."""

    def _write(*lines: str, name: str = "catalogue.csv", start: bytes = b"") -> Path:
        content = start + "".join(f"{line}\n" for line in lines).encode()
        path = tmp_path / name
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return path

    return _write


def run(path: Path) -> str:
    out = io.StringIO()
    call_command("import_products", str(path), stdout=out)
    return out.getvalue().strip()


def refused(path: Path) -> tuple[str, list[str]]:
    """The final sentence and the lines before it; nothing may have changed."""
    before = everything()
    err = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("import_products", str(path), stdout=io.StringIO(), stderr=err)
    assert everything() == before
    assert caught.value.returncode == 1
    return str(caught.value), err.getvalue().splitlines()


def everything() -> list[list[tuple[Any, ...]]]:
    tables = (Product, Category, StockLevel, Movement)
    return [list(table.objects.order_by("pk").values_list()) for table in tables]


def stock(sku: str) -> Decimal:
    return StockLevel.objects.get(product__sku=sku).quantity


class TestImporting:
    def test_new_products_with_everything(self, write: Write) -> None:
        assert run(write(HEADER, MILK, RICE, TEA)) == "3 rows: 3 new, 0 changed, 0 unchanged."
        money = Decimal
        assert list(Product.objects.order_by("sku").values_list(*COLUMNS)) == [
            ("A1", "6161106380039", "Low fat milk", "Dairy", money(41), money("36.12"), money(16), money(20)),
            ("A2", None, "Rice", "Dry goods", money(161), money(120), money(0), money(10)),
            ("A3", "012345678905", "Tea", None, money(74), money("51.39"), money(16), money(5)),
        ]
        assert list(Category.objects.values_list("name", flat=True)) == ["Dairy", "Dry goods"]
        assert list(Product.objects.order_by("sku").values_list("barcode_key", flat=True)) == [
            "06161106380039",
            None,
            "00012345678905",
        ]

    def test_opening_stock_is_a_movement(self, write: Write) -> None:
        run(write(HEADER, MILK, RICE, TEA))
        assert list(
            Movement.objects.order_by("product__sku").values_list(
                "product__sku",
                "movement_type",
                "stock_before",
                "quantity",
                "stock_after",
                "notes",
                "created_by",
            )
        ) == [
            ("A1", "adjustment", Decimal(0), Decimal(48), Decimal(48), "Opening stock", None),
            ("A2", "adjustment", Decimal(0), Decimal("7.5"), Decimal("7.5"), "Opening stock", None),
        ]
        assert [stock("A1"), stock("A2"), stock("A3")] == [Decimal(48), Decimal("7.5"), Decimal(0)]

    def test_is_what_the_form_would_have_made(self, write: Write) -> None:
        """The import writes plain SQL; a column that the model gains must not be forgotten there."""
        run(write("sku,name,price", "A1,Milk,41"))
        create_product(
            {"sku": "B1", "name": "Milk", "price": Decimal(41)},
            stock=Decimal(0),
            user_id=None,
            now=timezone.now(),
        )
        imported, made = (Product.objects.filter(sku=sku).values().get() for sku in ("A1", "B1"))
        own = {"id", "sku", "created_at", "updated_at"}
        assert {k: v or None for k, v in imported.items() if k not in own} == {
            k: v or None for k, v in made.items() if k not in own
        }

    def test_columns_in_any_order_with_others_between(self, write: Write) -> None:
        path = write(" Price ,colour,NAME,sku", " 41.00 , red , Low fat milk , A1 ")
        assert run(path) == "1 rows: 1 new, 0 changed, 0 unchanged."
        assert list(Product.objects.values_list(*COLUMNS)) == [
            ("A1", None, "Low fat milk", None, Decimal(41), Decimal(0), Decimal(0), Decimal(10))
        ]
        assert not Movement.objects.exists()

    def test_compressed(self, write: Write) -> None:
        assert (
            run(write(HEADER, MILK, RICE, name="catalogue.csv.gz"))
            == "2 rows: 2 new, 0 changed, 0 unchanged."
        )

    def test_byte_order_mark(self, write: Write) -> None:
        run(write(HEADER, MILK, start=b"\xef\xbb\xbf"))
        assert Product.objects.get().sku == "A1"

    def test_windows_lines_quotes_and_blank_lines(self, tmp_path: Path) -> None:
        path = tmp_path / "catalogue.csv"
        path.write_bytes(b'sku,name,price\r\n"A1","Flour, 2 kg ""Best""",120.00\r\n\r\n,,\r\n')
        assert run(path) == "1 rows: 1 new, 0 changed, 0 unchanged."
        assert Product.objects.get().name == 'Flour, 2 kg "Best"'

    def test_only_a_header(self, write: Write) -> None:
        assert run(write(HEADER)) == "0 rows: 0 new, 0 changed, 0 unchanged."

    def test_more_rows_than_one_batch(self, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(importing, "BATCH", 2)
        path = write("sku,name,price,stock", *(f"A{i},Product {i},10.00,{i}" for i in range(5)))
        assert run(path) == "5 rows: 5 new, 0 changed, 0 unchanged."
        assert [stock(f"A{i}") for i in range(5)] == [0, 1, 2, 3, 4]
        assert run(path) == "5 rows: 0 new, 0 changed, 5 unchanged."


class TestImportingAgain:
    def test_nothing_changes(self, write: Write) -> None:
        path = write(HEADER, MILK, RICE, TEA)
        run(path)
        before = everything()
        assert run(path) == "3 rows: 0 new, 0 changed, 3 unchanged."
        assert everything() == before

    def test_only_what_differs_is_written(self, write: Write) -> None:
        run(write(HEADER, MILK, RICE, TEA))
        before = dict(Product.objects.values_list("sku", "updated_at"))
        dearer = MILK.replace("41.00", "45.50")
        assert run(write(HEADER, dearer, RICE, TEA)) == "3 rows: 0 new, 1 changed, 2 unchanged."
        assert Product.objects.get(sku="A1").price == Decimal("45.50")
        after = dict(Product.objects.values_list("sku", "updated_at"))
        assert {sku for sku in before if before[sku] != after[sku]} == {"A1"}

    @pytest.mark.parametrize(
        ("column", "text", "value"),
        [
            ("name", "Full milk", "Full milk"),
            ("category__name", "Drinks", "Drinks"),
            ("barcode", "20000004", "20000004"),
            ("price", "0", Decimal(0)),
            ("cost_price", "36.13", Decimal("36.13")),
            ("tax", "0", Decimal(0)),
            ("low_stock_threshold", "0.5", Decimal("0.5")),
        ],
    )
    def test_each_column(self, write: Write, column: str, text: str, value: object) -> None:
        run(write(HEADER, MILK))
        before = Product.objects.values(*COLUMNS).get()
        cells = dict(zip(HEADER.split(","), MILK.split(","), strict=True))
        cells[column.removesuffix("__name")] = text
        assert run(write(HEADER, ",".join(cells.values()))) == "1 rows: 0 new, 1 changed, 0 unchanged."
        assert Product.objects.values(*COLUMNS).get() == {**before, column: value}

    def test_stock_is_left_alone(self, write: Write) -> None:
        run(write(HEADER, MILK))
        product = Product.objects.get()
        issue_stock({product.pk: Decimal(8)}, Occasion(Movement.Type.DAMAGE, None, timezone.now()))
        changed = MILK.replace(",48,", ",500,").replace("41.00", "42.00")
        assert run(write(HEADER, changed)) == "1 rows: 0 new, 1 changed, 0 unchanged."
        assert stock("A1") == Decimal(40)
        assert Movement.objects.aggregate(total=Sum("quantity"))["total"] == Decimal(40)
        assert Movement.objects.count() == 2

    def test_what_is_not_given_stays(self, write: Write) -> None:
        run(write(HEADER, MILK, RICE))
        before = everything()
        same = "Low fat milk,41.00"
        assert run(write("sku,name,price", f"A1,{same}")) == "1 rows: 0 new, 0 changed, 1 unchanged."
        assert run(write(HEADER, "A1,,Low fat milk,,41.00,,,,")) == "1 rows: 0 new, 0 changed, 1 unchanged."
        assert everything() == before

    def test_new_and_known_in_one_file(self, write: Write) -> None:
        run(write(HEADER, MILK, RICE))
        path = write(HEADER, MILK, RICE.replace("161.00", "159.00"), TEA)
        assert run(path) == "3 rows: 1 new, 1 changed, 1 unchanged."

    def test_another_spelling_of_the_own_barcode(self, write: Write) -> None:
        run(write(HEADER, TEA))
        assert run(write(HEADER, TEA.replace("012345678905", "0012345678905"))) == (
            "1 rows: 0 new, 1 changed, 0 unchanged."
        )
        assert Product.objects.values_list("barcode", "barcode_key").get() == (
            "0012345678905",
            "00012345678905",
        )


class TestRefusing:
    @pytest.mark.parametrize(
        ("row", "line"),
        [
            (
                "A9,,Milk,,abc,,,,",
                'price "abc": A number in plain digits is needed, for example 1250.00.',
            ),
            ("A9,,Milk,,1e3,,,,", 'price "1e3": A number in plain digits is needed, for example 1250.00.'),
            ("A9,,Milk,,1.005,,,,", 'price "1.005": At most 2 decimals are allowed.'),
            ("A9,,Milk,,-1,,,,", 'price "-1": Must be at least 0.'),
            ("A9,,Milk,,10000000000,,,,", 'price "10000000000": Must be at most 9999999999.99.'),
            ("A9,,Milk,,1,-1,,,", 'cost_price "-1": Must be at least 0.'),
            ("A9,,Milk,,1,,100.01,,", 'tax "100.01": Must be at most 100.00.'),
            ("A9,,Milk,,1,,,1.0005,", 'stock "1.0005": At most 3 decimals are allowed.'),
            ("A9,,Milk,,1,,,-1,", 'stock "-1": Must be at least 0.'),
            ("A9,,Milk,,1,,,,-0.001", 'low_stock_threshold "-0.001": Must be at least 0.'),
            ("A9,,Milk,,,,,,", 'price "": This is needed.'),
            (",,Milk,,1,,,,", 'sku "": This is needed.'),
            ("A9,,  ,,1,,,,", 'name "": This is needed.'),
            (f"{'A' * 65},,Milk,,1,,,,", f'sku "{"A" * 60}...": At most 64 characters are allowed.'),
            (f"A9,,{'M' * 201},,1,,,,", f'name "{"M" * 60}...": At most 200 characters are allowed.'),
            (f"A9,{'1' * 65},Milk,,1,,,,", f'barcode "{"1" * 60}...": At most 64 characters are allowed.'),
            (f"A9,,Milk,{'C' * 101},1,,,,", f'category "{"C" * 60}...": At most 100 characters are allowed.'),
            ("A9,,Mi\0lk,,1,,,,", 'name "Mi\\x00lk": The NUL character is not allowed.'),
            (
                "A9,,\x1b[2JMilk,,x\x1b,,,,",
                'price "x\\x1b": A number in plain digits is needed, for example 1250.00.',
            ),
            (
                "A9,,,,x,,,,",
                'name "": This is needed. price "x": A number in plain digits is needed, for example 1250.00.',
            ),
            ("A9,,Milk,,1", "5 columns instead of 9."),
            ("A9,,Milk,,1,,,,,", "10 columns instead of 9."),
            ("A1,,Milk,,1,,,,", 'sku "A1": Line 2 has it already.'),
            ("A9,6161106380039,Milk,,1,,,,", 'barcode "6161106380039": Line 2 has it already.'),
        ],
    )
    def test_a_bad_row(self, write: Write, row: str, line: str) -> None:
        assert refused(write(HEADER, MILK, row, RICE)) == (
            "1 row is bad, so nothing was imported.",
            [f"line 3: {line}"],
        )

    def test_the_longest_of_everything_is_taken(self, write: Write) -> None:
        most = "9999999999.99"
        row = f"{'S' * 64},{'1' * 64},{'N' * 200},{'C' * 100},{most},{most},100,999999999.999,999999999.999"
        assert run(write(HEADER, row)) == "1 rows: 1 new, 0 changed, 0 unchanged."
        assert stock("S" * 64) == Decimal("999999999.999")

    def test_one_number_as_upc_and_ean(self, write: Write) -> None:
        other = "A4,0012345678905,Green tea,,80,,,,"
        assert refused(write(HEADER, TEA, MILK, other)) == (
            "1 row is bad, so nothing was imported.",
            ['line 4: barcode "0012345678905": Line 2 has it already.'],
        )

    def test_a_barcode_of_another_product(self, write: Write) -> None:
        run(write(HEADER, TEA))
        other = "A4,0012345678905,Green tea,,80,,,,"
        assert refused(write(HEADER, MILK, other)) == (
            "1 row is bad, so nothing was imported.",
            ['line 3: barcode "0012345678905": The product "A3" has it already.'],
        )

    def test_all_bad_rows_in_their_order(self, write: Write) -> None:
        run(write(HEADER, TEA))
        sentence, lines = refused(
            write(HEADER, "A4,012345678905,Green tea,,80,,,,", MILK, '"A5",,"two\nlines",,x,,,,', "A6")
        )
        assert sentence == "3 rows are bad, so nothing was imported."
        assert lines == [
            'line 2: barcode "012345678905": The product "A3" has it already.',
            'line 4: price "x": A number in plain digits is needed, for example 1250.00.',
            "line 6: 1 columns instead of 9.",
        ]

    def test_not_more_lines_than_a_person_reads(self, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(import_products, "SHOWN_ROWS", 2)
        sentence, lines = refused(write(HEADER, *(f"A{i},,Milk,,x,,,," for i in range(1_500))))
        assert sentence == "1,500 rows are bad, so nothing was imported."
        assert [line[:7] for line in lines] == ["line 2:", "line 3:", "... and"]
        assert lines[2] == "... and 1,498 more"


class TestNoSuchFile:
    @pytest.mark.parametrize(
        ("name", "content", "reason"),
        [
            ("a.csv", b"", "cannot be imported: it is empty."),
            (
                "a.csv",
                b"sku;name;price\nA1;Milk;1\n",
                "cannot be imported: the first line must name the columns, separated by commas; "
                "missing: sku, name, price.",
            ),
            (
                "a.csv",
                b"sku,barcode\n",
                "cannot be imported: the first line must name the columns, separated by commas; missing: name, price.",
            ),
            (
                "a.csv",
                b"sku,name,price,Price,tax,tax\n",
                "cannot be imported: the first line names a column twice: price, tax.",
            ),
            (
                "a.csv",
                b"sku,name,price\nA1,Milk,1\nA2,Caf\xe9,1\n",
                "cannot be imported: line 3 is not UTF-8 text. Save the file as CSV in UTF-8.",
            ),
            (
                "a.csv",
                "sku,name,price\n".encode("utf-16"),
                "cannot be imported: line 1 is not UTF-8 text. Save the file as CSV in UTF-8.",
            ),
            (
                "a.csv",
                b'sku,name,price\nA1,"Milk"x,1\n',
                "cannot be imported: line 2 is not valid CSV (',' expected after '\"').",
            ),
            (
                "a.csv",
                b'sku,name,price\nA1,Milk,1\nA2,"Milk,1\nA3,Milk,1\n',
                "cannot be imported: line 3 is not valid CSV (unexpected end of data).",
            ),
            ("a.csv", b"x" * 1_000_001, "cannot be imported: line 1 is longer than 1,000,000 bytes."),
            ("a.csv.gz", b"sku,name,price\n", "is not a complete gzip file."),
            ("a.csv.gz", gzip.compress(b"sku,name,price\nA1,Milk,1\n")[:-9], "is not a complete gzip file."),
        ],
    )
    def test_unusable(self, tmp_path: Path, name: str, content: bytes, reason: str) -> None:
        path = tmp_path / name
        path.write_bytes(content)
        assert refused(path) == (f"{path} {reason}", [])

    def test_not_there(self, tmp_path: Path) -> None:
        path = tmp_path / "a.csv"
        assert refused(path) == (f"{path} cannot be read: No such file or directory.", [])

    def test_a_folder(self, tmp_path: Path) -> None:
        assert refused(tmp_path) == (f"{tmp_path} cannot be read: Is a directory.", [])


class TestTogetherWithOthers:
    def test_a_failure_leaves_nothing(self, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(importing, "BATCH", 1)
        path = write(HEADER, MILK, RICE)
        opened: list[int] = []

        def fail_the_second_time() -> Any:
            opened.append(1)
            if len(opened) == 2:
                raise KeyboardInterrupt
            return real()

        real = ports.open_stock
        monkeypatch.setattr(ports, "open_stock", fail_the_second_time)
        with pytest.raises(KeyboardInterrupt):
            run(path)
        assert everything() == [[], [], [], []]

    def test_somebody_made_the_same_product(self, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        """The barcode is taken between the check and the writing."""
        run(write(HEADER, TEA))
        monkeypatch.setattr(importing, "_taken_barcodes", lambda rows: {})
        sentence, lines = refused(write(HEADER, "A4,0012345678905,Green tea,,80,,,,"))
        assert sentence == "Somebody changed the same products meanwhile. Nothing was imported; try again."
        assert lines == []

    @pytest.mark.django_db(transaction=True)
    def test_two_imports_at_once(self, write: Write) -> None:
        other = _second_connection()
        with other, other.cursor() as cursor:
            cursor.execute(importing.ONE_AT_A_TIME)
            sentence, lines = refused(write(HEADER, MILK))
        other.close()
        assert sentence == "Another import is running. Nothing was imported; try again when it is done."
        assert lines == []
        assert run(write(HEADER, MILK)) == "1 rows: 1 new, 0 changed, 0 unchanged."

    @pytest.mark.django_db(transaction=True)
    def test_a_product_that_somebody_holds(self, write: Write) -> None:
        run(write(HEADER, MILK))
        other = _second_connection()
        with other, other.cursor() as cursor, connection.cursor() as own:
            cursor.execute("SELECT FROM products_product FOR UPDATE")
            own.execute("SET lock_timeout = '50ms'")
            sentence, lines = refused(write(HEADER, MILK.replace("41.00", "42.00"), RICE))
            own.execute("SET lock_timeout = '3s'")
        other.close()
        assert sentence == "Somebody changed the same products meanwhile. Nothing was imported; try again."
        assert lines == []


def _second_connection() -> Any:
    params = connection.get_connection_params()
    params.pop("cursor_factory", None)
    return psycopg2.connect(**params)


def test_statements_do_not_grow_with_the_rows(write: Write, django_assert_num_queries: Any) -> None:
    """Savepoint 2, claim 2, taken barcodes 1, categories 2, the batch 1, its opening stock 3."""
    path = write(HEADER, MILK, RICE, TEA, *(f"B{i},,Product,Dairy,1,1,0,1,1" for i in range(200)))
    with django_assert_num_queries(11):
        run(path)


def test_numbers_are_read_once(write: Write) -> None:
    catalogue_file._number.cache_clear()
    run(write(HEADER, *(f"B{i},,Product,Dairy,1.00,1.00,16.00,1,1" for i in range(50))))
    assert catalogue_file._number.cache_info().misses == 5
