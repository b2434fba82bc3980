"""What `pilotage init` proposes for a folder, based on its files. Nothing is run or changed."""
