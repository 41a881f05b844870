"""What is sent: bodies that cannot be read, values that fit no field, strange ids and queries."""

import gzip

JSON = "application/json"

# Cannot be read at all: refused before anybody looks at a field.
UNREADABLE: dict[str, bytes] = {
    "open brace": b"{",
    "rest": b"{}x",
    "single quotes": b"{'a': 1}",
    "white space": b"  ",
    "NaN": b'{"a": NaN}',
    "-Infinity": b'{"a": [-Infinity]}',
    "a key twice": b'{"a": 1, "a": 2}',
    "100,000 brackets": b"[" * 100_000,
    "100,000 braces": b'{"a":' * 100_000,
    "deep": b'{"items": ' + b"[" * 40 + b"]" * 40 + b"}",
    "escaped NUL": rb'{"name": "a\u0000", "notes": "\u0000", "username": "\u0000", "password": "\u0000"}',
    "lone surrogate": rb'{"name": "\ud800", "notes": "\ud800", "username": "\ud800", "password": "\ud800"}',
    "surrogate as bytes": b'{"name": "\xed\xa0\x80"}',
    "not UTF-8": b'{"name": "\xff\xfe"}',
    "byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "5,000 digits": b'{"price": ' + b"1" * 5_000 + b"}",
    "exponent of 20 digits": b'{"price": 1e99999999999999999999}',
    "binary": bytes(range(256)),
    "gzip": gzip.compress(b'{"name": "x"}'),
    "UTF-32": '{"a": 1}'.encode("utf-32"),
    "a comment": b"{} // x",
    "hexadecimal": b'{"a": 0x10}',
    "a leading zero": b'{"quantity": 01}',
    "a control character": b'{"name": "a\x01b"}',
}
# Sound JSON, but no object.
NO_OBJECT: dict[str, bytes] = {
    "null": b"null",
    "true": b"true",
    "number": b"1",
    "text": b'"x"',
    "empty list": b"[]",
    "list of objects": b'[{"name": "x"}]',
    "1e300": b"1e300",
    "1e999": b"1e999",
}
TOO_LARGE = b'{"name": "' + b"x" * 3_000_000 + b'"}'
FOREIGN: dict[str, tuple[str, bytes]] = {
    "no type": ("", b'{"name": "x"}'),
    "text": ("text/plain", b'{"name": "x"}'),
    "XML": ("application/xml", b"<name>x</name>"),
    "form": ("application/x-www-form-urlencoded", b"name=x&quantity=1&metadata="),
    "bad type": ("application/json/x", b"{}"),
    "latin": ("\xff", b"{}"),
}
MULTIPART: dict[str, tuple[str, bytes]] = {
    "without boundary": ("multipart/form-data", b"--x\r\n\r\n--x--"),
    "cut off": ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="na'),
    "NUL and no UTF-8": (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\na\x00\xff\r\n--x--\r\n',
    ),
    "a file that is no picture": (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="image"; filename="\x00../a.png"\r\n'
        b"Content-Type: image/png\r\n\r\n\x89PNG\r\n\x1a\n\x00\r\n--x--\r\n",
    ),
    "2,000 fields": (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' * 2_000 + b"--x--\r\n",
    ),
}

# JSON texts that fit no number; nothing of this may ever be taken for an amount or a quantity.
NO_NUMBER: dict[str, str] = {
    "true": "true",
    "empty list": "[]",
    "object": "{}",
    "empty": '""',
    "word": '"x"',
    "long": f'"{"x" * 10_000}"',
    "long number": f'"{"9" * 10_000}"',
    "1e300": "1e300",
    "1e999": "1e999",
    "1e1000000": "1e1000000",
    "4,000 digits": "9" * 4_000,
    "four decimals": "1.2345",
    "four decimals as text": '"1.2345"',
    "Arabic digits": '"١٢"',
    "full-width digits": '"１２"',
    "underscore": '"1_0"',
    "plus": '"+1"',
    "a separator": '"1,000"',
    "a blank": '"1 0"',
    "hexadecimal": '"0x10"',
    "a list of a number": "[1]",
    "superscript": '"²"',
    "a fraction": '"½"',
    "exponent as text": '"1e3"',
    "NaN as text": '"NaN"',
    "Infinity as text": '"Infinity"',
    "__proto__": '"__proto__"',
    "prototype": '{"__proto__": {"x": 1}}',
}
# JSON texts that fit few fields or none; what takes one of them may, but must not stumble.
ODD_VALUES: dict[str, str] = {
    "null": "null",
    "true": "true",
    "empty": '""',
    "empty list": "[]",
    "object": "{}",
    "negative": "-1",
    "1e1000000": "1e1000000",
    "4,000 digits": "9" * 4_000,
    "10,000 characters": f'"{"x" * 10_000}"',
    "long as one character": f'"{"ﷺ" * 150}"',
    "emoji and right to left": '"\\ud83e\\udd5b\\u202e\\u0660"',
    "SQL and markup": '"\'; DROP TABLE sales_sale; --<script>%s{}"',
    "prototype": '{"__proto__": {"x": 1}}',
    "lists of objects": '[{"product": null, "quantity": {}}, null, [[[]]]]',
    "1,000 objects": "[" + ",".join(["{}"] * 1_000) + "]",
}
# What else a number must not stumble over, though some take it.
ODD_NUMBERS = {
    "null": "null",
    "zero": "0",
    "negative zero": "-0",
    "negative zero with decimals": "-0.00",
    "negative zero as text": '"-0.00"',
    "negative": "-1",
    "next to nothing": "-1e-300",
    "largest": "9999999999.99",
}

UNKNOWN_IDS = ["0", "999999999", "9" * 18]
STRANGE_IDS = [
    "9" * 19,
    "9" * 400,
    "-1",
    "1.5",
    "1e3",
    "x",
    "null",
    "NaN",
    "__proto__",
    "%D9%A3",  # an Arabic 3
    "%EF%BC%91",  # a full-width 1
    "1%0A",
    "%201",
    "%00",
    "1%00",
    "%FF%FE",
    "%ED%A0%80",
    "%25",
    "..",
    "%27%20OR%20%271%27=%271",
]

BAD_DATES = [
    "0000-00-00",
    "9999-12-31",
    "2026-02-30",
    "2026-11-22T10:00:00%2B99:99",
    "%D9%A2%D9%A0%D9%A2%D9%A6-11-22",
]
QUERY_VALUES = [
    *BAD_DATES,
    "",
    "2026-11-22",
    "a%00",
    "%FF%FE",
    "%ED%A0%80",
    "%D9%A1",
    "9" * 18,
    "9" * 5_000,
    "-1",
    "1e300",
    "null",
    "[]",
    "x" * 10_000,
    ",-price,,name",
    "--price",
    "%27%20OR%201=1--%5C%25_",
    ":*%26%7C!()%3C-%3E",
    "%F0%9F%A5%9B",
    "__proto__",
    "a&{name}=b",
    "a" + "&a=1" * 1_100,
    "cD1hYmM%3D",  # cursors at the positions abc, -1 and 10**20 - 1
    "cD0tMQ%3D%3D",
    "cD05OTk5OTk5OTk5OTk5OTk5OTk5OQ%3D%3D",
]
# Encodings that Python knows, and that cannot decode a query.
CHARSETS = ["idna", "punycode", "rot13", "hex", "undefined"]

# Headers as a client may write them; none of them may make anything but what the address, method and token say.
HEADERS: dict[str, dict[str, str]] = {
    "another method": {"HTTP_X_HTTP_METHOD_OVERRIDE": "DELETE", "HTTP_X_METHOD_OVERRIDE": "PUT"},
    "another address": {"HTTP_X_ORIGINAL_URL": "/admin/", "HTTP_X_REWRITE_URL": "/admin/"},
    "another person": {"HTTP_X_FORWARDED_USER": "amina", "REMOTE_USER": "amina"},
    "another language": {"HTTP_ACCEPT_LANGUAGE": "xx-\xff,\x00;q=9" + ",de" * 2_000},
    "another type": {"HTTP_ACCEPT": "text/\xff;q=x,application/xml,*/*;q=-1"},
    "a packed body": {"HTTP_CONTENT_ENCODING": "gzip"},
    "a piecemeal body": {"HTTP_TRANSFER_ENCODING": "chunked"},
    "a line break": {"HTTP_X_REQUEST_ID": "a\r\nSet-Cookie: x=1", "HTTP_ORIGIN": "http://a\r\nX: 1"},
    "not ASCII": {"HTTP_USER_AGENT": "\xff\xfe\x00", "HTTP_X_REQUEST_ID": "\xed\xa0\x80"},
    "very long": {"HTTP_USER_AGENT": "x" * 100_000, "HTTP_COOKIE": "a=b;" * 10_000},
    "cookies": {"HTTP_COOKIE": "sessionid=\x00; =; csrftoken=\xff; $Version=1; a"},
    "an address for a name": {"HTTP_X_FORWARDED_FOR": "\x00,::1,999.1.1.1," + "1," * 5_000},
    "another host": {"HTTP_X_FORWARDED_HOST": "evil.example", "HTTP_FORWARDED": "host=evil.example"},
    "a time": {"HTTP_IF_MODIFIED_SINCE": "x" * 500, "HTTP_IF_NONE_MATCH": '"\xff'},
    "a part": {"HTTP_RANGE": "bytes=-1,0-99999999999999999999"},
    "a long wait": {"HTTP_EXPECT": "100-continue", "HTTP_UPGRADE": "websocket"},
}
TOKENS = [
    "",
    "Token",
    "Token \xff\xfe",
    "Token \x00",
    "Token " + "a" * 100_000,
    "Token a b",
    "Bearer x",
    "\xff",
    "Basic eA==",
]
KEYS = ["", " ", "a\r\nb", "\x00", "\xff\xfe", "x" * 100_000, "\xed\xa0\x80", "'; --", "{}", "a,b"]
