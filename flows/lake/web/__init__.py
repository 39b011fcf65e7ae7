"""Files that are published at an address: named, fetched safely and politely, and proven to be whole."""
