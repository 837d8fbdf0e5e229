"""Production records from files: read, recognise columns, convert, and account for every row."""
