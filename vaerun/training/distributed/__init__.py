"""Train one network with several processes, each with a share of every batch (data parallel).

Rank 0 runs the command, and is the only process that writes. The others wait until it trains
something, take part, and wait again; they read the config in the run folder that it sends.

    messages.py                 what rank 0 sends to the others
    launch.py                   rank 0: the others are there while it trains
    ../worker.py                the other ranks
    lightning_environment.py    ranks and addresses for Lightning

Processes that srun, submitit or torchrun have started are used as they are. Without any, as on a
single machine, rank 0 starts the others itself, for one training.
"""
