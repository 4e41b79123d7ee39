"""Tables, figures and the HTML page; rounding lives only here."""
