"""Lists: query, search, table, CSV and Excel."""
