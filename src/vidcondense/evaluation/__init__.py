"""How good a set is: networks trained on it, under a protocol, and tested on real videos."""
