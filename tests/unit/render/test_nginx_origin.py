"""operator/vipkeeper/render/nginx_origin.py (with nginx's own words: test_nginx_features.py)"""

from __future__ import annotations

import pytest

from vipkeeper.render.nginx_origin import Origin, origin_of

TEXT = """\
pid /run/nginx.pid;
http {
    gzip on;
    # a: spec.nginx.http[0].upstream
    upstream a {
        server 192.0.2.1:80;
    }
    # a: spec.nginx.http[0]
    server {
        listen 192.0.2.10:80;
        # a: spec.nginx.http[0].locations[0]
        location / {
            return 200;
        }
        # a: spec.nginx.http[0].snippet
        bogus;
    }
    # b: spec.nginx.http[0]
    server {
        listen 192.0.2.10:8080;
        ssl_certificate "/run/b.crt";
        return 404;
    }
}
stream {
    server {
        listen 192.0.2.12:1;
    }
}
"""


@pytest.mark.parametrize(
    ("line", "origin"),
    [
        (1, None),
        (3, None),
        (6, Origin("a", "spec.nginx.http[0].upstream")),
        (5, Origin("a", "spec.nginx.http[0].upstream")),
        (9, Origin("a", "spec.nginx.http[0]")),
        (10, Origin("a", "spec.nginx.http[0]")),
        (13, Origin("a", "spec.nginx.http[0].locations[0]")),
        (16, Origin("a", "spec.nginx.http[0].snippet")),
        (17, Origin("a", "spec.nginx.http[0]")),
        (22, Origin("b", "spec.nginx.http[0]")),
        (27, None),
        (99, None),
    ],
)
def test_a_line_leads_to_the_mark_of_its_block(line: int, origin: Origin | None) -> None:
    assert origin_of(f'nginx: [emerg] unknown "x" in /run/candidate.conf:{line}', TEXT) == origin


def test_an_address_leads_to_its_listen_and_not_to_a_longer_one() -> None:
    assert origin_of("bind() to 192.0.2.10:80 failed (98: Address already in use)", TEXT) == Origin(
        "a", "spec.nginx.http[0]"
    )
    assert origin_of("bind() to 192.0.2.10:8080 failed (99: ...)", TEXT) == Origin("b", "spec.nginx.http[0]")
    assert origin_of("bind() to 192.0.2.12:1 failed (99: ...)", TEXT) is None


def test_a_file_leads_to_where_it_is_named() -> None:
    words = 'cannot load certificate "/run/b.crt": BIO_new_file() failed'
    assert origin_of(words, TEXT) == Origin("b", "spec.nginx.http[0]")


def test_other_words_lead_nowhere() -> None:
    assert origin_of("worker process 3 exited on signal 9", TEXT) is None
