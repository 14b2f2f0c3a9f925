"""Rules about parameters: counted twice, duplicated, never used."""
