"""ODOportal, the customer portal of Odotrack."""
