"""The Hugging Face Hub: a condensed set as a dataset there, with a card made from the set."""
