"""The sample shop: who buys there, what is on its shelves, and what became of forty orders in two weeks.

Nobody and nothing in it is real: addresses are under example.com and example.org, numbers are reserved ones. Days count
from today, so that the story always ends now: -1 is yesterday, and a clock is the shop's.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["ANSWERS", "GOODS", "ORDERS", "PEOPLE", "SHELVES", "Answer", "Article", "News", "Order", "Person", "Shelf"]


class Person(NamedTuple):
    """A customer. Without `email` and `phone` nobody knows where to write to."""

    name: str
    first_name: str
    locale: str
    country: str
    timezone: str
    city: str
    email: str = ""
    phone: str = ""
    prefers: Literal["", "sms"] = ""
    #: False for somebody who does not want to be asked how it went.
    surveys: bool = True


class Article(NamedTuple):
    name: str
    price: float


class News(NamedTuple):
    """Something that was heard of an order: `-8 11:20`, what, and the day or place that it speaks of."""

    at: str
    what: Literal["shipped", "eta", "waits", "delivered", "cancelled"]
    about: int | str = ""


class Order(NamedTuple):
    """`promised` is the day that the customer was told when ordering."""

    number: str
    by: str
    goods: tuple[str, ...]
    carrier: str
    placed: str
    promised: int
    news: tuple[News, ...] = ()


class Shelf(NamedTuple):
    """What was counted on a shelf."""

    at: str
    sku: str
    available: int
    reorder_point: int


class Answer(NamedTuple):
    """What somebody answered when they were asked how the delivery of an order was."""

    at: str
    order: str
    score: int
    comment: str = ""


PEOPLE = {
    "anna": Person("Anna Weber", "Anna", "de", "DE", "Europe/Berlin", "Leipzig", "anna@example.com"),
    "jonas": Person("Jonas Keller", "Jonas", "de", "DE", "Europe/Berlin", "Kiel", "jonas@example.org", surveys=False),
    "lena": Person("Lena Vogt", "Lena", "de", "DE", "Europe/Berlin", "Ulm", "lena@example.com"),
    "murat": Person("Murat Aydin", "Murat", "de", "DE", "Europe/Berlin", "Essen", "murat@example.org"),
    "zsofia": Person("Kovács Zsófia", "Zsófia", "hu", "HU", "Europe/Budapest", "Pécs", "zsofia@example.com"),
    "gergo": Person("Nagy Gergő", "Gergő", "hu", "HU", "Europe/Budapest", "Szeged", "gergo@example.org"),
    "eszter": Person("Tóth Eszter", "Eszter", "hu", "HU", "Europe/Budapest", "Győr", "eszter@example.com"),
    "dana": Person("Dana Kowalska", "Dana", "pl", "PL", "Europe/Warsaw", "Gdynia", "dana@example.com"),
    "tomasz": Person("Tomasz Lis", "Tomasz", "pl", "PL", "Europe/Warsaw", "Lublin", "tomasz@example.org"),
    "gosia": Person("Małgorzata Wójcik", "Małgorzata", "pl", "PL", "Europe/Warsaw", "Łódź", "gosia@example.com"),
    "piotr": Person(
        "Piotr Zając", "Piotr", "pl", "PL", "Europe/Warsaw", "Kraków", "piotr@example.org", "+12025550117", "sms"
    ),
    "walk-in": Person("", "", "pl", "PL", "Europe/Warsaw", "Warszawa"),
    "natalya": Person("Наталья Орлова", "Наталья", "ru", "RU", "Europe/Moscow", "Казань", "natalya@example.com"),
    "ilya": Person("Илья Громов", "Илья", "ru", "RU", "Asia/Yekaterinburg", "Пермь", "ilya@example.org"),
    "aisyah": Person("Aisyah Rahman", "Aisyah", "ms", "MY", "Asia/Kuala_Lumpur", "Ipoh", "aisyah@example.com"),
    "hafiz": Person("Hafiz Osman", "Hafiz", "ms", "MY", "Asia/Kuala_Lumpur", "Klang", "hafiz@example.org"),
    "narges": Person("نرگس حسینی", "نرگس", "fa", "IR", "Asia/Tehran", "شیراز", "narges@example.com"),
    "ali": Person("علی رضایی", "علی", "fa", "IR", "Asia/Tehran", "تبریز", "", "+12025550163", "sms"),
    "conor": Person("Conor Byrne", "Conor", "en", "IE", "Europe/Dublin", "Cork", "conor@example.com"),
    "helen": Person("Helen Price", "Helen", "en-GB", "GB", "Europe/London", "Leeds", "helen@example.org"),
}

GOODS = {
    "TENT-2": Article("Tent for two", 189.00),
    "BOOT-42": Article("Walking boots, brown, 42", 119.90),
    "SOCK-L": Article("Wool socks", 9.95),
    "STOVE-1": Article("Camping stove", 54.50),
    "BAG-0": Article("Sleeping bag, to 0 °C", 99.00),
    "RAIN-M": Article("Rain jacket, M", 84.00),
    "LAMP-3": Article("Head torch", 29.90),
    "FLASK-1": Article("Vacuum flask, 1 l", 24.90),
}


def _arrives(shipped: int, arrived: str, *, expected: int) -> tuple[News, ...]:
    """A parcel that simply comes: what most of them do."""
    return (News(f"{shipped} 15:40", "shipped", expected), News(arrived, "delivered"))


def _collected(shipped: int, waits: int, arrived: str) -> tuple[News, ...]:
    """A parcel that waits in a locker until its owner comes by."""
    return (
        News(f"{shipped} 16:10", "shipped", waits),
        News(f"{waits} 11:30", "waits", "locker 14"),
        News(arrived, "delivered"),
    )


ORDERS = (
    Order("1012", "anna", ("TENT-2",), "DHL", "-14 08:20", -9, _arrives(-13, "-11 13:40", expected=-11)),
    Order("1013", "zsofia", ("SOCK-L", "LAMP-3"), "GLS", "-14 09:05", -10, _arrives(-13, "-11 10:15", expected=-11)),
    # Late, badly received, and put right.
    Order("1014", "gosia", ("BOOT-42", "SOCK-L"), "DPD", "-14 09:12", -10, (
        News("-13 15:30", "shipped", -10), News("-8 16:20", "delivered"))),
    Order("1015", "jonas", ("BAG-0",), "DHL", "-13 11:48", -10, (
        News("-12 15:30", "shipped", -10), News("-11 14:10", "eta", -8), News("-8 12:10", "delivered"))),
    Order("1016", "natalya", ("RAIN-M",), "EMS", "-13 12:30", -5, _arrives(-12, "-7 12:00", expected=-6)),
    Order("1017", "aisyah", ("FLASK-1", "LAMP-3"), "EMS", "-13 13:55", -8, (
        News("-12 15:50", "shipped", -8), News("-9 08:30", "eta", -6), News("-6 05:45", "delivered"))),
    Order("1018", "tomasz", ("STOVE-1",), "DPD", "-12 09:40", -8, _arrives(-11, "-10 11:20", expected=-10)),
    Order("1019", "narges", ("BOOT-42",), "EMS", "-12 10:25", -5, _arrives(-11, "-7 09:10", expected=-6)),
    Order("1020", "conor", ("TENT-2", "BAG-0"), "DHL", "-12 14:15", -7, _arrives(-11, "-9 15:00", expected=-9)),
    # These come on the very day that was promised: nobody may tell their owners that they are late.
    Order("1021", "gergo", ("LAMP-3",), "GLS", "-11 08:35", -7, _collected(-10, -8, "-7 17:30")),
    Order("1022", "lena", ("SOCK-L", "SOCK-L"), "DHL", "-11 10:50", -7, _collected(-10, -8, "-7 18:15")),
    Order("1023", "helen", ("RAIN-M",), "DPD", "-11 16:20", -6, _arrives(-10, "-8 11:45", expected=-8)),
    # The expected day moves late at night: an SMS about it waits until the morning.
    Order("1024", "ali", ("FLASK-1",), "EMS", "-11 18:05", -5, (
        News("-10 15:10", "shipped", -5), News("-7 21:40", "eta", -4), News("-4 10:30", "delivered"))),
    Order("1025", "murat", ("STOVE-1", "FLASK-1"), "DHL", "-10 09:30", -6, _arrives(-9, "-8 13:05", expected=-8)),
    Order("1026", "eszter", ("BAG-0",), "GLS", "-10 11:15", -6, (
        News("-9 15:25", "shipped", -6), News("-7 13:00", "eta", -5), News("-5 10:40", "delivered"))),
    Order("1027", "ilya", ("BOOT-42",), "EMS", "-10 12:00", -3, _arrives(-9, "-4 08:50", expected=-4)),
    Order("1028", "dana", ("LAMP-3", "SOCK-L"), "DPD", "-10 17:45", -6, _collected(-9, -7, "-6 16:05")),
    Order("1029", "conor", ("RAIN-M",), "DHL", "-9 10:05", -4, (News("-9 12:30", "cancelled"),)),
    Order("1030", "hafiz", ("TENT-2",), "EMS", "-9 11:50", -3, _arrives(-8, "-4 06:20", expected=-4)),
    # Sold at the counter: there is nobody to write to.
    Order("1031", "walk-in", ("BOOT-42",), "DPD", "-9 15:00", -5, (
        News("-8 16:00", "shipped", -5), News("-3 12:15", "delivered"))),
    Order("1032", "anna", ("SOCK-L",), "DHL", "-8 09:25", -4, _collected(-7, -5, "-4 18:40")),
    Order("1033", "zsofia", ("FLASK-1",), "GLS", "-8 13:10", -4, _arrives(-7, "-5 09:55", expected=-5)),
    # The expected day moves at night and moves back before the morning: the SMS about it is never sent.
    Order("1034", "piotr", ("LAMP-3",), "DPD", "-8 19:30", -3, (
        News("-7 15:20", "shipped", -4), News("-6 22:40", "eta", -3), News("-5 06:15", "eta", -4),
        News("-4 13:20", "delivered"))),
    Order("1035", "natalya", ("SOCK-L", "FLASK-1"), "EMS", "-7 10:10", 1, (News("-6 15:45", "shipped", 0),)),
    Order("1036", "helen", ("BAG-0",), "DPD", "-7 11:35", -2, _collected(-6, -3, "-2 17:20")),
    Order("1037", "tomasz", ("RAIN-M", "SOCK-L"), "DPD", "-7 16:55", -3, _arrives(-6, "-5 12:30", expected=-5)),
    Order("1038", "lena", ("TENT-2",), "DHL", "-6 09:15", -2, (
        News("-5 15:35", "shipped", -2), News("-3 15:05", "eta", 1))),
    Order("1039", "narges", ("LAMP-3",), "EMS", "-6 10:40", 2, (
        News("-5 15:15", "shipped", 1), News("-2 09:20", "eta", 4))),
    Order("1040", "gergo", ("STOVE-1",), "GLS", "-6 14:25", -2, _arrives(-5, "-3 10:05", expected=-3)),
    Order("1041", "murat", ("BOOT-42",), "DHL", "-6 18:50", -2, _collected(-5, -3, "-2 16:50")),
    Order("1042", "eszter", ("RAIN-M",), "GLS", "-5 08:55", -2, (News("-4 15:30", "shipped", -2),)),
    # Not even packed on the day on which it should arrive.
    Order("1043", "dana", ("BAG-0", "STOVE-1"), "DPD", "-5 10:12", -2),
    Order("1044", "ilya", ("SOCK-L",), "EMS", "-5 13:40", -2, (News("-4 15:00", "shipped", -2),)),
    Order("1045", "aisyah", ("RAIN-M",), "EMS", "-5 17:05", 3, (News("-4 15:55", "shipped", 2),)),
    Order("1046", "conor", ("BOOT-42",), "DHL", "-4 09:45", -1, _collected(-3, -2, "-1 18:10")),
    Order("1047", "piotr", ("FLASK-1",), "DPD", "-4 12:20", 1, (News("-3 15:20", "shipped", 0),)),
    Order("1048", "jonas", ("TENT-2", "LAMP-3"), "DHL", "-3 10:30", 2, (News("-2 15:45", "shipped", 1),)),
    Order("1049", "gosia", ("SOCK-L",), "DPD", "-2 11:00", 3, (News("-1 15:10", "shipped", 2),)),
    Order("1050", "anna", ("BOOT-42", "SOCK-L"), "DHL", "-1 09:50", 4),
    Order("1051", "hafiz", ("FLASK-1",), "EMS", "-1 14:35", 8),
)  # fmt: skip

SHELVES = (
    Shelf("-14 07:30", "BOOT-42", 9, 4),
    Shelf("-14 07:30", "STOVE-1", 5, 2),
    Shelf("-14 07:30", "TENT-2", 12, 3),
    Shelf("-9 18:00", "BOOT-42", 6, 4),
    Shelf("-6 19:10", "BOOT-42", 3, 4),
    Shelf("-5 18:00", "STOVE-1", 2, 2),
    Shelf("-3 11:15", "STOVE-1", 1, 2),
    Shelf("-2 08:00", "BOOT-42", 15, 4),
    Shelf("-1 18:00", "TENT-2", 4, 3),
)

ANSWERS = (
    Answer("-4 10:05", "1014", 2, "Dwa dni spóźnienia i mokry karton."),
    Answer("-3 13:20", "1017", 5),
)
