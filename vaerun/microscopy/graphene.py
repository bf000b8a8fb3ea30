"""Constants of graphene: species, bond lengths, ring sizes."""

CARBON, SILICON = 0, 1  # species of an atom
SPECIES = ("C", "Si")  # names of the species, in this order
CC_A, SIC_A = 1.42, 1.75  # Å; Si–C in projection, since Si stands out of the plane
MOST_BONDS = 4  # of an atom, and so the most rings that share it
SMALLEST_RING, LARGEST_RING = 3, 12  # atoms in a ring
