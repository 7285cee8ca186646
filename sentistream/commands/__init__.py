"""One module per subcommand of `sentistream`, each with a click command named `command`."""
