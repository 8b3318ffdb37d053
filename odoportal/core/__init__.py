"""The database, the clock, money, languages and other basics that everything stands on."""
