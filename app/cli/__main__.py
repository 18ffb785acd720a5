"""`python -m app.cli`, if the program is not on the path."""

from app.cli.main import main

main()
