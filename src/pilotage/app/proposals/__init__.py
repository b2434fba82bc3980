"""What `pilotage init` proposes for a folder, from the files that people already have. Nothing is run or changed."""
