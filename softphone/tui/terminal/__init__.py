"""What goes to the terminal: cells, colours, its title, and how fast its link is."""
