"""Constants of graphene: species, bond lengths, ring sizes."""


# N atoms, B bonds.

MOST_BONDS = 4  # of any atom, and so the most rings that hold it
DOPANT = 1  # the species of a dopant, such as Si; 0 is C


CARBON, SILICON = 0, 1
SMALLEST_RING, LARGEST_RING = 3, 12
MOST_RINGS = 4  # of an atom, which has at most four bonds


CC_A, SIC_A = 1.42, 1.75  # Å; the second that of Si in graphene, seen from above


SMALLEST, LARGEST = 3, 12  # atoms in a ring
