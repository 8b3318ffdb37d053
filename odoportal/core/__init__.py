"""The database, the clock, money, languages and other basics that the rest of the portal depends on."""
