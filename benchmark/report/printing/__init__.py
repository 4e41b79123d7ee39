"""What tables, figures and page share: names, numbers, colours, tables and the forms that they are written in."""
