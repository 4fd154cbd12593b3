"""`python -m vipkeeper.cli`."""

from vipkeeper.cli.main import app

app()
