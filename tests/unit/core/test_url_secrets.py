"""Passwords in URLs: each place in which libpq and SQLAlchemy take one, and what looks like one."""

import pytest

from sequencer.core.url_secrets import has_secret, masked


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('url = "postgresql+psycopg://me:s3@host/x"', 'url = "postgresql+psycopg://me:***@host/x"'),
        ("postgresql://:s3@host/x", "postgresql://:***@host/x"),
        ("postgresql://me@host/x?password=s3", "postgresql://me@host/x?password=***"),
        ("'postgresql://me@host/x?a=b&PassWord=s3&c=d'", "'postgresql://me@host/x?a=b&PassWord=***&c=d'"),
        ("postgresql:///x?pass%77ord=s3%26more", "postgresql:///x?pass%77ord=***"),
        ("postgresql:///x?sslpassword=s3#x", "postgresql:///x?sslpassword=***#x"),
        ("postgresql:///x?passfile=/home/me/.pgpass", "postgresql:///x?passfile=/home/me/.pgpass"),
        ("postgresql://me@host:5432/x?sslmode=require", "postgresql://me@host:5432/x?sslmode=require"),
        ("write to ana@ourco.test: is password=s3 a URL?", "write to ana@ourco.test: is password=s3 a URL?"),
    ],
)
def test_a_password_in_a_url_is_not_shown(text: str, shown: str) -> None:
    assert masked(text) == shown
    assert has_secret(text.removeprefix("url = ").strip("\"'")) == (text != shown)
    assert masked(shown) == shown
