"""The ledger, written out for other programs: tables as CSV and Parquet, FOCUS, and double entry for beancount and hledger."""
