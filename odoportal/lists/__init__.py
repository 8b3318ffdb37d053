"""Lists: query, search, view, and downloads as CSV and Excel."""
