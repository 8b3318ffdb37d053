"""What every room stands on and what knows no room: database, clock, money, languages, mail, lists, gate, documents."""
