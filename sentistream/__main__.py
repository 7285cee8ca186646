"""`python -m sentistream`: the same as the `sentistream` command."""

from sentistream.cli import main

main(prog_name="sentistream")
