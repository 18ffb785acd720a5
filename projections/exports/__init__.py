"""Export formats: tables as CSV and Parquet, FOCUS, and double entry for beancount and hledger."""
