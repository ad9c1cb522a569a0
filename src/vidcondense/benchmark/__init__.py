"""The papers' tables and figures on a user's own data."""
