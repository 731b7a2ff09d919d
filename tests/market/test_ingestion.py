"""Folders become markets, and every kind of bad folder is refused with its reason or counted."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest

from graphrec.market.ingestion import read_market
from graphrec.market.tables import DataError, Market

SHIPPED = Path(__file__).parents[2] / "data" / "complete_journey"

HEAD = 'time_zone = "America/New_York"\n'
FILES = {
    "people.csv": "id,wealth,zip\nc1,1.5,01000\nc2,2,75001\nc3,,13000\n",
    "goods.csv": "product_id,category,price\np1,soap,2.5\np2,tea,4\n",
    "contacts.csv": "solicitation_id,customer_id,sent_at,channel\ns1,c1,2017-03-03,mail\ns2,c2,2017-07-03,phone\n",
    "log.csv": (
        "event_time,event_type,customer_id,product_id,price,quantity\n"
        "2017-03-01 10:00:00,purchase,c1,p1,2.5,1\n"
        "2017-03-04T10:00:00+01:00,purchase,c2,p2,4,2\n"
        "2017-03-05 10:00:00 UTC,view,c3,p2,,\n"
    ),
}
TABLES = """
[tables.customers]
file = "people.csv"
columns = { customer_id = "id" }
[tables.products]
file = "goods.csv"
[tables.solicitations]
file = "contacts.csv"
[tables.events]
file = "log.csv"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path)


def write(path: Path, manifest: str = HEAD + TABLES, **changed: str | bytes | pd.DataFrame) -> Path:
    """Write the small market; ``log_csv="..."`` replaces log.csv."""
    files: dict[str, str | bytes | pd.DataFrame] = dict(FILES)
    files |= {name.replace("__", "/").replace("_", ".", 1): content for name, content in changed.items()}
    for name, content in files.items():
        if isinstance(content, pd.DataFrame):
            content.to_parquet(path / name, index=False)
        else:
            (path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    (path / "market.toml").write_text(manifest, encoding="utf-8")
    return path


def refusal(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_market(path)
    return str(caught.value)


@pytest.fixture(scope="module")
def journey() -> Market:
    return read_market(SHIPPED)


# ---- the shipped data


def test_complete_journey_has_the_documented_rows(journey: Market) -> None:
    assert journey.received == {
        "customers": 2379,
        "products": 92331,
        "solicitations": 6589,
        "campaigns": 111332,
        "events": 77102,
        "consents": 0,
        "feedback": 0,
    }
    assert journey.time_zone == "America/New_York"
    assert journey.solicitations["channel"].value_counts().to_dict() == {"Type A": 3647, "Type B": 2368, "Type C": 574}


def test_complete_journey_sets_aside_zero_quantities_and_unknown_products(journey: Market) -> None:
    reasons = journey.rejected.groupby(["table", "reason"]).size().to_dict()
    assert reasons == {
        ("campaigns", "product_id is not in products"): 16,
        ("events", "product_id is not in products"): 1,
        ("events", "quantity is not above zero"): 416,
    }


def test_complete_journey_keeps_missing_demographics_missing(journey: Market) -> None:
    assert len(journey.customers) == 2379
    assert journey.customers["age"].notna().sum() == 801
    assert {name: role.class_name for name, role in journey.roles.items()} == {
        "age": "Age",
        "income": "Income",
        "household_size": "HouseholdSize",
        "home_ownership": "Wealth",
    }


def test_a_targeting_is_sent_at_local_midnight_of_the_campaign(journey: Market) -> None:
    first = pd.read_parquet(SHIPPED / "campaign_descriptions.parquet").set_index("campaign_id")["start_date"]
    local = journey.solicitations["sent_at"].dt.tz_convert("America/New_York")
    assert (local == local.dt.normalize()).all()
    assert (local.dt.date == journey.solicitations["campaign_id"].map(first)).all()
    assert set(journey.solicitations["sent_at"].dt.hour) == {4, 5}  # summer and winter time


def test_value_and_times_of_lines_survive(journey: Market) -> None:
    raw = pd.read_parquet(SHIPPED / "transactions_sample.parquet")
    bought = journey.events.loc[journey.events["event_type"] == "purchase"]
    kept = raw.loc[(raw["quantity"] > 0) & raw["product_id"].isin(journey.products["product_id"])]
    assert len(bought) == len(kept)
    assert (bought["price"] * bought["quantity"]).sum() == pytest.approx(kept["sales_value"].sum())
    assert bought["event_time"].min() == kept["transaction_timestamp"].min().tz_localize("UTC")


def test_a_redemption_is_never_known_before_its_day_ends(journey: Market) -> None:
    redeemed = journey.events.loc[journey.events["event_type"] == "redeem"]
    assert len(redeemed) == 2102
    assert (redeemed["event_time"].dt.tz_convert("America/New_York").dt.strftime("%H:%M:%S") == "23:59:59").all()
    ends = journey.campaigns.groupby("campaign_id")["ends_at"].max()
    assert (redeemed["event_time"] < redeemed["campaign_id"].map(ends)).all()


def test_reading_twice_gives_the_same_tables(journey: Market) -> None:
    again = read_market(SHIPPED / "market.toml")
    for table in ("customers", "products", "solicitations", "campaigns", "events"):
        assert getattr(again, table).equals(getattr(journey, table)), table


# ---- files with a column map


def test_a_csv_folder_is_read_with_its_types(folder: Path) -> None:
    market = read_market(folder)
    assert market.customers["customer_id"].tolist() == ["c1", "c2", "c3"]
    assert market.customers["wealth"].tolist()[:2] == [1.5, 2.0]
    assert market.customers["zip"].tolist() == ["01000", "75001", "13000"]
    assert market.rejected.empty


def test_days_are_local_and_clocks_are_utc(folder: Path) -> None:
    market = read_market(folder)
    assert market.solicitations["sent_at"].map(str).tolist() == [
        "2017-03-03 05:00:00+00:00",
        "2017-07-03 04:00:00+00:00",
    ]
    assert market.events["event_time"].map(str).tolist() == [
        "2017-03-01 10:00:00+00:00",
        "2017-03-04 09:00:00+00:00",
        "2017-03-05 10:00:00+00:00",
    ]


def test_naive_local_clocks_are_shifted_and_zoned_ones_are_not(tmp_path: Path) -> None:
    write(tmp_path, HEAD + TABLES + 'naive_times = "local"\n')
    assert read_market(tmp_path).events["event_time"].map(str).tolist() == [
        "2017-03-01 15:00:00+00:00",
        "2017-03-04 09:00:00+00:00",
        "2017-03-05 10:00:00+00:00",
    ]


@pytest.mark.parametrize("clock", ["2017-03-12 02:30:00", "2017-11-05 01:30:00"])
def test_clocks_that_summer_time_skips_or_repeats_are_read(tmp_path: Path, clock: str) -> None:
    times = pd.DataFrame({"event_time": pd.to_datetime([clock]), "event_type": ["visit"], "customer_id": ["c1"]})
    manifest = HEAD + TABLES.replace("log.csv", "log.parquet") + 'naive_times = "local"\n'
    market = read_market(write(tmp_path, manifest, log_parquet=times))
    expected = {"2017-03-12 02:30:00": "2017-03-12 07:00:00+00:00", "2017-11-05 01:30:00": "2017-11-05 05:30:00+00:00"}
    assert str(market.events["event_time"].iloc[0]) == expected[clock]


def test_french_csv_files_are_read(tmp_path: Path) -> None:
    people = "id;wealth;zip\nc1;1,5;01000\nc2;2;é\nc3;;x\n".encode("latin-1")
    files = {
        name.replace(".", "_"): text.replace("2.5", "2#5").replace(",", ";").replace("#", ",")
        for name, text in FILES.items()
    }
    head = HEAD + '[csv]\ndelimiter = ";"\nencoding = "latin-1"\ndecimal = ","\n'
    market = read_market(write(tmp_path, head + TABLES, **{**files, "people_csv": people}))
    assert market.customers["wealth"].tolist()[:2] == [1.5, 2.0]
    assert market.customers["zip"].tolist()[1] == "é"
    assert market.products["price"].tolist() == [2.5, 4.0]


def test_gzipped_tab_files_and_byte_order_marks_are_read(tmp_path: Path) -> None:
    log = gzip.compress(FILES["log.csv"].replace(",", "\t").encode())
    manifest = HEAD + TABLES.replace("log.csv", "log.tsv.gz")
    write(tmp_path, manifest, people_csv=b"\xef\xbb\xbf" + FILES["people.csv"].encode())
    (tmp_path / "log.tsv.gz").write_bytes(log)
    assert len(read_market(tmp_path).events) == 3


def test_identifiers_agree_between_parquet_numbers_and_csv_text(tmp_path: Path) -> None:
    people = pd.DataFrame({"customer_id": [1, 2]})
    manifest = HEAD + TABLES.replace("people.csv", "people.parquet").replace('columns = { customer_id = "id" }', "")
    log = "event_time,event_type,customer_id\n2017-03-01,visit,1\n"
    contacts = "solicitation_id,customer_id,sent_at,channel\ns1,2,2017-03-03,mail\n"
    market = read_market(write(tmp_path, manifest, people_parquet=people, log_csv=log, contacts_csv=contacts))
    assert market.rejected.empty
    assert market.codes("events", "customer_id").tolist() == [0]


def test_whole_number_identifiers_with_gaps_stay_whole(tmp_path: Path) -> None:
    query = (
        "[tables.events]\nquery = \"SELECT * FROM (VALUES (TIMESTAMP '2017-03-01', 'visit', 1, NULL), "
        "(TIMESTAMP '2017-03-02', 'purchase', 2, 7)) AS t(event_time, event_type, customer_id, product_id)\"\n"
    )
    manifest = (
        HEAD
        + '[tables.customers]\nquery = "SELECT unnest([1, 2]) AS customer_id"\n'
        + '[tables.products]\nquery = "SELECT 7 AS product_id"\n'
        + query
    )
    (tmp_path / "market.toml").write_text(manifest)
    market = read_market(tmp_path)
    assert market.codes("events", "product_id").tolist() == [-1, 0]
    assert market.vocabulary.products.ids.tolist() == [7]


def test_consents_in_words_become_truth_values(tmp_path: Path) -> None:
    manifest = HEAD + TABLES + '[tables.consents]\nfile = "consents.csv"\n'
    consents = "customer_id,channel,granted\nc1,mail,Yes\nc2,mail,FALSE\nc3,mail,\n"
    market = read_market(write(tmp_path, manifest, consents_csv=consents), maximum_bad_share=0.5)
    assert [bool(value) for value in market.consents["granted"]] == [True, False]
    assert market.rejected["reason"].tolist() == ["granted is missing"]
    assert "'maybe'" in refusal(write(tmp_path, manifest, consents_csv=consents.replace("Yes", "maybe")))


def test_roles_name_classes_and_dates(tmp_path: Path) -> None:
    people = "id,wealth,wealth_on\nc1,1,2017-01-01\nc2,2,\nc3,3,2017-02-01\n"
    roles = '[roles]\nwealth = { class = "Wealth", date = "wealth_on" }\n'
    market = read_market(write(tmp_path, HEAD + TABLES + roles, people_csv=people))
    assert market.roles["wealth"].date_column == "wealth_on"
    assert market.customers["wealth_on"].map(str).tolist() == [
        "2017-01-01 05:00:00+00:00",
        "NaT",
        "2017-02-01 05:00:00+00:00",
    ]
    message = refusal(write(tmp_path, HEAD + TABLES + roles, people_csv=people.replace("2017-02-01", "soon")))
    assert "wealth_on" in message and "'soon'" in message


# ---- queries


def test_a_query_joins_the_files_of_the_folder(tmp_path: Path) -> None:
    query = """
[tables.events]
query = \"\"\"
SELECT strptime(log.event_time[:10], '%Y-%m-%d') AS event_time, event_type, people.id AS customer_id, product_id
FROM log JOIN People ON log.customer_id = people.id -- two files
;\"\"\"
"""
    manifest = HEAD + TABLES.split("[tables.events]")[0] + query
    assert len(read_market(write(tmp_path, manifest)).events) == 3


def test_rows_of_a_query_do_not_depend_on_threads(tmp_path: Path) -> None:
    query = 'query = "SELECT DISTINCT (range * 7919) % 50000 AS customer_id FROM range(50000)"\n'
    manifest = HEAD + f"[tables.customers]\n{query}" + '[tables.products]\nfile = "goods.csv"\n'
    ids = read_market(write(tmp_path, manifest)).customers["customer_id"]
    assert ids.is_monotonic_increasing


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("SELECT nope FROM people", "nope"),
        ("SELECT * FROM peopl", "people"),
        ("SELEC 1", "SELEC"),
        ("SELECT CAST('a' AS INT) AS customer_id", "Conversion Error"),
        ("SELECT 1; SELECT 2", "one SELECT"),
        ("CREATE TABLE t AS SELECT 1", "one SELECT"),
        ("COPY people TO 'stolen.csv'", "one SELECT"),
        ("", "text between quotes"),
        ("-- nothing", "one SELECT"),
    ],
)
def test_a_failing_query_names_its_table_and_the_reason(tmp_path: Path, query: str, found: str) -> None:
    manifest = HEAD + f'[tables.customers]\nquery = "{query}"\n[tables.products]\nfile = "goods.csv"\n'
    message = refusal(write(tmp_path, manifest))
    assert "customers" in message
    assert found in message


@pytest.mark.parametrize(
    "source",
    [
        "read_csv('{outside}')",
        "read_text('/etc/hostname')",
        "'{outside}'",
        "glob('/etc/*')",
        "read_csv('https://example.org/x.csv')",
    ],
)
def test_a_query_reads_nothing_outside_the_folder(tmp_path: Path, source: str) -> None:
    outside = tmp_path / "secret.csv"
    outside.write_text("customer_id\nc9\n")
    inside = tmp_path / "market"
    inside.mkdir()
    query = f'[tables.customers]\nquery = "SELECT * FROM {source.format(outside=outside)}"\n'
    message = refusal(write(inside, HEAD + query + '[tables.products]\nfile = "goods.csv"\n'))
    assert "customers fails" in message


def test_fractional_identifiers_are_refused(tmp_path: Path) -> None:
    query = 'query = "SELECT CAST(range AS DOUBLE) AS customer_id FROM range(3)"\n'
    message = refusal(
        write(tmp_path, HEAD + f"[tables.customers]\n{query}" + '[tables.products]\nfile = "goods.csv"\n')
    )
    assert "customer_id" in message and "fractions" in message and "CAST" in message


@pytest.mark.parametrize("value", ["[1, 2]", "{'a': 1}", "'x'::BLOB", "INTERVAL 1 DAY"])
def test_nested_columns_are_refused(tmp_path: Path, value: str) -> None:
    query = f'query = "SELECT id AS customer_id, {value} AS odd FROM people"\n'
    message = refusal(
        write(tmp_path, HEAD + f"[tables.customers]\n{query}" + '[tables.products]\nfile = "goods.csv"\n')
    )
    assert "odd" in message


# ---- bad manifests


@pytest.mark.parametrize(
    ("manifest", "found"),
    [
        ("time_zone = 'UTC'\n[tables.customers\n", "line 2"),
        (TABLES, "time_zone"),
        (HEAD.replace("New_York", "new_york") + TABLES, "America/New_York"),
        (HEAD.replace("America/New_York", "Mars/Base") + TABLES, "Mars/Base"),
        (HEAD + TABLES.replace("[tables.events]", "[tables.event]"), "'events'"),
        (HEAD + TABLES.replace("[tables.events]", "[events]"), "[tables.events]"),
        (HEAD + TABLES.replace("columns", "colums"), "'columns'"),
        (HEAD + "zone = 1\n" + TABLES, "zone"),
        (HEAD + TABLES.replace("[tables.customers]", "[tables.consents]"), "no table customers"),
        (HEAD, "describes none"),
        (HEAD + TABLES.replace('file = "log.csv"', 'file = "log.csv"\nquery = "SELECT 1"'), "one of them"),
        (HEAD + TABLES.replace('file = "log.csv"', ""), "one of them"),
        (HEAD + TABLES.replace('file = "log.csv"', "file = 3"), "text between quotes"),
        (HEAD + TABLES.replace('{ customer_id = "id" }', '["id"]'), "columns"),
        (HEAD + TABLES.replace('{ customer_id = "id" }', '{ customer_id = "idd" }'), "'id'"),
        (HEAD + TABLES.replace('{ customer_id = "id" }', '{ zip = "id" }'), "zip"),
        (HEAD + TABLES.replace('columns = { customer_id = "id" }', ""), "customer_id"),
        (HEAD + TABLES.replace("log.csv", "lug.csv"), "'log.csv'"),
        (HEAD + TABLES.replace("log.csv", "../log.csv"), "outside"),
        (HEAD + TABLES.replace("log.csv", "/etc/passwd"), "outside"),
        (HEAD + TABLES.replace("log.csv", "market.toml"), "unknown kind"),
        (HEAD + TABLES + 'naive_times = "Paris"\n', "naive_times"),
        (HEAD + TABLES + "[roles]\nwealth = 3\n", "wealth"),
        (HEAD + TABLES + '[roles]\nwelth = "Wealth"\n', "welth"),
        (HEAD + '[csv]\ndelimiter = ";;"\n' + TABLES, "delimiter"),
        (HEAD + '[csv]\nencoding = "klingon"\n' + TABLES, "latin-1"),
        (HEAD + '[csv]\ndecimal = "x"\n' + TABLES, "decimal"),
        ("tables = 3\n" + HEAD, "[tables]"),
    ],
)
def test_a_bad_manifest_is_refused_with_its_reason(tmp_path: Path, manifest: str, found: str) -> None:
    assert found in refusal(write(tmp_path, manifest))


def test_a_folder_without_manifest_says_what_it_has(tmp_path: Path) -> None:
    write(tmp_path).joinpath("market.toml").unlink()
    message = refusal(tmp_path)
    assert "market.toml" in message and "people.csv" in message
    assert "no folder" in refusal(tmp_path / "nowhere")
    assert "is a file" in refusal(tmp_path / "people.csv")


def test_a_manifest_that_is_no_utf8_text_is_refused(tmp_path: Path) -> None:
    write(tmp_path).joinpath("market.toml").write_bytes("# é".encode("latin-1"))
    assert "UTF-8" in refusal(tmp_path)


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    inside = tmp_path / "market"
    inside.mkdir()
    write(inside)
    (tmp_path / "log.csv").write_text(FILES["log.csv"])
    (inside / "log.csv").unlink()
    (inside / "log.csv").symlink_to(tmp_path / "log.csv")
    assert "outside" in refusal(inside)


def test_two_files_of_one_stem_are_ambiguous_in_a_query(tmp_path: Path) -> None:
    query = '[tables.customers]\nquery = "SELECT id AS customer_id FROM people"\n'
    people = pd.DataFrame({"id": ["c1"]})
    manifest = HEAD + query + '[tables.products]\nfile = "goods.csv"\n'
    message = refusal(write(tmp_path, manifest, people_parquet=people))
    assert "people.csv" in message and "people.parquet" in message


# ---- bad files


def test_a_corrupt_parquet_file_is_refused_by_name(tmp_path: Path) -> None:
    manifest = HEAD + TABLES.replace("log.csv", "log.parquet")
    assert "log.parquet" in refusal(write(tmp_path, manifest, log_parquet=b"PAR1 and then nothing"))


def test_a_corrupt_file_that_nothing_uses_does_no_harm(tmp_path: Path) -> None:
    assert len(read_market(write(tmp_path, other_parquet=b"nothing")).events) == 3


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("log_csv", "", "empty"),
        ("log_csv", "event_time,event_type,customer_id\n", "events is empty"),
        ("people_csv", "id,wealth\n", "customers is empty"),
        ("log_csv", "event_time,event_type,event_type\n", "event_type"),
        ("log_csv", "event_time,,customer_id\n", "no name"),
        ("log_csv", FILES["log.csv"].replace(",", ";"), 'delimiter = ";"'),
        ("log_csv", FILES["log.csv"].replace("event_time,", "moment,"), "event_time; found moment"),
        ("log_csv", FILES["log.csv"].replace("purchase,c1", '"purchase,c1'), "never closed"),
        ("log_csv", "event_time,event_type,customer_id\n01/03/2017,visit,c1\n", "01/03/2017"),
        ("log_csv", "event_time,event_type,customer_id\n" + "2017-03-01\n" * 9, "line 2"),
    ],
)
def test_a_bad_file_is_refused_with_its_reason(tmp_path: Path, name: str, content: str, found: str) -> None:
    assert found in refusal(write(tmp_path, **{name: content}))


def test_a_damaged_gzip_file_is_refused(tmp_path: Path) -> None:
    manifest = HEAD + TABLES.replace("log.csv", "log.csv.gz")
    write(tmp_path, manifest)
    rows = "".join(f"2017-03-01 10:00:00,visit,c{1 + n % 3},,,{n * 7919 % 1000}\n" for n in range(5000))
    whole = gzip.compress((FILES["log.csv"] + rows).encode())
    (tmp_path / "log.csv.gz").write_bytes(whole[: len(whole) // 2])
    assert "log.csv.gz" in refusal(tmp_path)


def test_bad_rows_are_counted_with_their_reason_and_the_rest_is_read(tmp_path: Path) -> None:
    good = "".join(f"2017-03-01 10:00:{second:02},visit,c1,,,\n" for second in range(60))
    bad = "soon,visit,c1,,,\n2017-02-30,visit,c1,,,\n2017-03-01,vist,c1,,,\n2017-03-01,visit\n1,2,3,4,5,6,7\n"
    market = read_market(write(tmp_path, log_csv=FILES["log.csv"] + good + bad))
    assert len(market.events) == 63
    assert market.received["events"] == 68
    counted = market.rejected.groupby("reason").size()
    assert counted["event_time cannot be read as a time"] == 2
    assert counted["line of log.csv has too few columns"] == 1
    assert counted["line of log.csv has too many columns"] == 1
    assert counted.sum() == 5
    assert market.rejected.loc[market.rejected["reason"].str.contains("too few"), "row"].tolist() == [68]


def test_broken_lines_count_towards_the_bad_share(tmp_path: Path) -> None:
    log = FILES["log.csv"] + "2017-03-01,visit\n"
    assert len(read_market(write(tmp_path, log_csv=log), maximum_bad_share=0.25).events) == 3
    assert "too few columns" in refusal(write(tmp_path, log_csv=log))
    with pytest.raises(DataError, match="share between 0 and 1"):
        read_market(tmp_path, maximum_bad_share=2)


def test_quoted_line_breaks_are_not_lost_lines(tmp_path: Path) -> None:
    people = 'id,wealth,zip\nc1,1,"two\n\nlines"\nc2,2,"a ""quoted"" word"\n\nc3,3,z\n'
    assert read_market(write(tmp_path, people_csv=people)).customers["zip"].tolist() == [
        "two\n\nlines",
        'a "quoted" word',
        "z",
    ]


def test_folder_names_with_odd_characters_are_read(tmp_path: Path) -> None:
    odd = tmp_path / "it's [1] été *"
    odd.mkdir()
    query = '[tables.customers]\nquery = "SELECT id AS customer_id FROM people"\n'
    manifest = HEAD + query + TABLES.split('columns = { customer_id = "id" }')[1]
    assert len(read_market(write(odd, manifest)).customers) == 3


def test_progress_goes_to_stderr_only(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    read_market(folder, progress=True)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "read" in captured.err
    read_market(folder)
    assert capsys.readouterr() == ("", "")
