"""From micrographs to atoms, rings and patches: readers, simulation, atom finder, bond graph."""
