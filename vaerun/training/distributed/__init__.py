"""One network trained by several processes, each with a share of every batch (data parallel).

The first of them, rank 0, is the program that the user knows: it does whatever the command asks
for, and is the only one that writes. The others follow: they wait until it trains something, take
part, and wait again. What they are to train they read in the run folder that the first one names.

    world.py         which of the processes this one is
    board.py         where the first one posts words for the others
    together.py      the first one's side: others are there while it trains
    following.py     the others' side
    environment.py   the same told to Lightning

Processes that srun, submitit or torchrun have started are used as they are. Where there are none,
as on a single machine, the first starts the others itself, for one training.
"""
