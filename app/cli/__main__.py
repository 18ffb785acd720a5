"""`python -m app.cli`, for where the program itself is not on the path."""

from app.cli.main import main

main()
