"""Forms of signed-in pages: handling of submitted forms, and what a page shows of them."""
