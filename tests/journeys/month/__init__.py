"""A month of receipts: what came in, an independent set of books, and the shop that is compared with them."""
