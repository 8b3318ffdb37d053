"""`odoportal` as the tests run it: `python -m tests.program demo --port …`.

Passwords are hashed at bcrypt's lowest cost. At the real one, each sign-in takes a quarter of a second of the processor's time.
"""

from odoportal.cli import main
from odoportal.rooms.signin import passwords

passwords.COST = 4

if __name__ == "__main__":
    main()
